"""What the benchmark asks: sums with four choices, whose reasoning is cut short after every step."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from cotfaith.dialogue.prompts import (
    CHOICE_PREFIX,
    STOP_STRINGS,
    answer_dialogue,
    letters,
    reasoning_dialogue,
)
from cotfaith.dialogue.steps import split_steps
from cotfaith.schema import ChoiceRequest, GenerationRequest, Question, Sampling

SAMPLED = Sampling(max_new_tokens=96)


def sums(n: int, operands: int = 8) -> list[Question]:
    """Make questions: sums with four choices."""
    rng = random.Random(0)
    found = []
    for i in range(n):
        numbers = [rng.randint(10, 99) for _ in range(operands)]
        right = sum(numbers)
        choices = tuple(str(right + wrong) for wrong in (0, 10, -1, 2))
        found.append(Question("bench", f"q{i}", f"What is {' + '.join(map(str, numbers))}?", choices))
    return found


def preamble(tokens: int, count: Callable[[str], int]) -> str:
    """Return worked sums of about so many tokens."""
    lines: list[str] = []
    for question in sums(1000):
        lines.append(f"{question.text} The answer is {question.choices[0]}.")
        if count(" ".join(lines)) >= tokens:
            break
    return " ".join(lines)


def reasonings(questions: Sequence[Question], samples: int) -> list[GenerationRequest]:
    """Ask for so many samples of reasoning for each question, without its choices."""
    return [
        GenerationRequest(reasoning_dialogue(replace(question, choices=())), SAMPLED, seed, STOP_STRINGS)
        for question in questions
        for seed in range(samples)
    ]


def truncations(
    questions: Sequence[Question], reasoning: Sequence[Sequence[str]], before: str = ""
) -> list[ChoiceRequest]:
    """Ask for the answer after every prefix of every reasoning of each question, each thing once."""
    asked = []
    for question, texts in zip(questions, reasoning, strict=True):
        for text in texts:
            steps = split_steps(text)
            for k in range(len(steps) + 1):
                dialogue = answer_dialogue(question, "".join(steps[:k]), CHOICE_PREFIX)
                first = replace(dialogue[0], text=before + dialogue[0].text)
                asked.append(ChoiceRequest((first, *dialogue[1:]), letters(len(question.choices))))
    return list(dict.fromkeys(asked))


def written(samples: int, steps: int, numbers: int = 2) -> list[str]:
    """Write reasonings of so many steps of so many numbers, which differ from the first one on."""
    reasoning = []
    for sample in range(samples):
        added = [[sample + 10, *range(k + 10, k + 9 + numbers)] for k in range(steps)]
        reasoning.append("".join(f" {' + '.join(map(str, each))} = {sum(each)}." for each in added))
    return reasoning
