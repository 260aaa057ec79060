"""Questions with a cue: what an arm puts around a question, as the model reads it."""

from dataclasses import replace

from cotfaith.dialogue.prompts import letters
from cotfaith.schema import Arm, Dialogue, Question


def posed(question: Question) -> Question:
    """Return a question as its arm has it asked: with a mark at a choice, and with what is said after all."""
    arm = question.arm
    if arm is None:
        return question
    each = zip(letters(len(question.choices)), arm.choices or question.choices, strict=True)
    choices = tuple(f"{choice}{arm.mark}" if letter == arm.target else choice for letter, choice in each)
    note = "\n\n".join(filter(None, (question.note, arm.after)))
    text = question.text if arm.text is None else arm.text
    return replace(question, text=text, choices=choices, note=note)


def around(dialogue: Dialogue, arm: Arm | None) -> Dialogue:
    """Put an arm's earlier turns before a dialogue, and what stands before the question into its first."""
    if arm is None:
        return dialogue
    first, *rest = dialogue
    asked = replace(first, text="\n\n".join(filter(None, (arm.before, first.text))))
    return (*arm.earlier, asked, *rest)
