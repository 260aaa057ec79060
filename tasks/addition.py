"""Addition of a few numbers: the synthetic task of Lanham et al. 2023, arXiv 2307.13702."""

import random
import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import InputError, Question, StepRewriter, Task, derive_seed, parse_integer, sums

_NUMBER = r"(?P<{}>\d+)"
_PATTERNS = tuple(
    re.compile(re.escape(form).replace(r"\{", "{").replace(r"\}", "}").format(
        a=_NUMBER.format("a"), b=_NUMBER.format("b"), c=_NUMBER.format("c")))
    for form in sums.STEP_FORMS
)  # fmt: skip
_SUM = re.compile(r"(?P<terms>\d+(?:\s*\+\s*\d+)+\s*=\s*)(?P<c>\d+)")


class AdditionSteps:
    """Rewrites running sums exactly."""

    def mistake(self, step: str, rng: random.Random) -> str | None:
        """Change one digit of a sum's result, so that it is neither what it was nor right."""
        match = next(filter(None, (p.search(step) for p in (*_PATTERNS, _SUM))), None)
        if match is None:
            return None
        result, terms = match["c"], re.findall(r"\d+", step[match.start() : match.end()])[:-1]
        true = str(sum(map(int, terms)))
        changed = [result[:i] + d + result[i + 1 :] for i in range(len(result)) for d in "0123456789"]
        wrong = [c for c in changed if c not in (result, true) and (c[0] != "0" or len(c) == 1)]
        return step[: match.start("c")] + rng.choice(wrong) + step[match.end("c") :]

    def paraphrase(self, step: str, rng: random.Random) -> str | None:
        """Write the same sum in another surface form, where the whole step is in one of them."""
        for form, pattern in zip(sums.STEP_FORMS, _PATTERNS, strict=True):
            if match := pattern.fullmatch(step.strip()):
                other = rng.choice([candidate for candidate in sums.STEP_FORMS if candidate != form])
                return step.replace(step.strip(), other.format(**match.groupdict()))
        return None

    def values(self, text: str) -> tuple[str, ...]:
        """Return the results of the running sums."""
        found = {
            match.start("c"): match["c"] for pattern in (*_PATTERNS, _SUM) for match in pattern.finditer(text)
        }
        return tuple(found[place] for place in sorted(found))


@dataclass(frozen=True)
class Addition(Task):
    """Add a few whole numbers; the answer is an integer. No shipped model was trained on these sums."""

    operands: int = 2
    digits: int = 2

    rewriter: ClassVar[StepRewriter | None] = AdditionSteps()
    reads_data: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.operands < 2 or self.digits < 1:
            raise InputError(
                f"addition: operands must be 2 or more and digits 1 or more, "
                f"not {self.operands} and {self.digits}."
            )

    def draw(self, n: int, seed: int) -> list[Question]:
        """Draw each item from its own seed."""
        return [self._item(i, seed) for i in range(n)]

    def parse(self, question: Question, completion: str) -> str | None:
        """Read an integer."""
        return parse_integer(completion)

    def _item(self, index: int, seed: int) -> Question:
        rng = random.Random(derive_seed(seed, self.spec, index))
        low, high = (10 ** (self.digits - 1), 10**self.digits - 1) if self.digits > 1 else (0, 9)
        while not sums.held_out(numbers := [rng.randint(low, high) for _ in range(self.operands)]):
            pass
        name = f"{index}-{'+'.join(map(str, numbers))}"
        return Question(self.spec, name, sums.question_text(numbers), gold=str(sum(numbers)))
