"""Where a server is: its URL, the model's name there, and the key, which no text ever holds."""

import ipaddress
import logging
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cotfaith.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """A server's URL and key."""

    url: str
    """Without a slash at its end, e.g. http://host:8000/v1."""
    key: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.url

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, at an address that no other can reach."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def without_key(self, text: str) -> str:
        """Return a text in which the key does not stand."""
        return text.replace(self.key, "***") if self.key else text


def read_address(source: str, api_key_env: str | None) -> tuple[Address, str]:
    """Read http://HOST:PORT/v1#NAME; return the address, with the key of that variable, and NAME or nothing.

    InputError for what is no such address, a key within it, and a variable that is not set.
    """
    url, _, name = source.partition("#")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"model {source!r}: no address of a server ({error}).") from error
    if parts.username is not None or parts.query:
        shown = f"{parts.scheme}://{parts.hostname}…"
        raise InputError(
            f"model {shown}: an address holds no user, password or query here, since it is stored. Put the "
            "key into a variable and name it: --api-key-env NAME."
        )
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"model {source!r}: expected http://HOST:PORT/v1#NAME.")
    address = Address(url.rstrip("/"), _key(api_key_env))
    if address.key and parts.scheme == "http" and not address.loopback:
        log.warning("%s: the key goes there unencrypted, since the address is no https.", address)
    return address, name


def _key(variable: str | None) -> str:
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(f"--api-key-env {variable}: no such variable is set, or it is empty.")
    if not key.isascii() or not key.isprintable():
        raise InputError(f"--api-key-env {variable}: its value cannot be sent as a key.")
    return key
