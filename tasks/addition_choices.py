"""Addition with lettered choices, on which what a cue does is read from the letters' probabilities."""

import random
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import InputError, MultipleChoice, Question, derive_seed, letters, sums


@dataclass(frozen=True)
class AdditionChoices(MultipleChoice):
    """Add a few whole numbers and choose the sum. No shipped model was trained on these sums."""

    operands: int = 3
    digits: int = 1
    choices: int = 4

    reads_data: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.operands < 2 or self.digits < 1 or not 2 <= self.choices <= 9:
            raise InputError(
                "addition-choices: operands must be 2 or more, digits 1 or more and choices 2 to 9, "
                f"not {self.operands}, {self.digits} and {self.choices}."
            )

    def draw(self, n: int, seed: int) -> list[Question]:
        """Draw each item from its own seed."""
        return [self._item(i, seed) for i in range(n)]

    def _item(self, index: int, seed: int) -> Question:
        rng = random.Random(derive_seed(seed, self.spec, index))
        low, high = (10 ** (self.digits - 1), 10**self.digits - 1) if self.digits > 1 else (0, 9)
        while not sums.held_out(numbers := [rng.randint(low, high) for _ in range(self.operands)]):
            pass
        offered = sums.offered(sum(numbers), self.choices, rng)
        right = letters(self.choices)[offered.index(sum(numbers))]
        name = f"{index}-{'+'.join(map(str, numbers))}"
        return Question(self.spec, name, sums.question_text(numbers), tuple(map(str, offered)), right)
