"""The errors a user can cause. The command line prints them and exits with 2."""


class InputError(Exception):
    """What was wrong, where, and what would be accepted, in one message."""


class OtherCircumstancesError(InputError):
    """A run that was begun under other circumstances than those of today."""


class OtherContentError(InputError):
    """A file that holds something else than what is looked for; in a folder it may stand beside that."""


def unknown(kind: str, name: str, known: list[str]) -> InputError:
    """Name what is not known, the nearest that is, and all that are."""
    from difflib import get_close_matches

    near = [other for other in known if other.startswith(name)] or get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(known) or 'none'}.")
