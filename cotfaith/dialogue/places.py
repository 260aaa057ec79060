"""Where in a completion its answer stands: in a tag or a box, else right at its beginning."""

import re
from collections.abc import Iterator

_ANSWER_IS = re.compile(r"\banswer(?:\s+is\b\s*:?|\s*[:=])", re.IGNORECASE)
_STATED = re.compile(r"\b(?:most likely|final|correct) answer is\b|<answer>", re.IGNORECASE)
_TAG = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL | re.IGNORECASE)
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Za-z])(?<!\b(?:Dr|Mr|Ms|St|Mt|No|vs|Jr|Sr|cf|ca|Rs|Eq))(?<!\b(?:Mrs|etc|viz|Fig))[.!?;。！？]+['\"”’)\]*]*\s+"
)
_REASON = re.compile(
    r"\s*,\s*(?:because|since|as|which|where|while|given|rather|instead|not|I)\b|\s+because\b", re.IGNORECASE
)
_ASIDE = re.compile(r"\s+(?:since|as|which|where|while|given|rather than|instead of)\b", re.IGNORECASE)


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last `\boxed{...}` whose braces are closed, or None."""
    for match in reversed(list(re.finditer(r"\\f?boxed\s*\{", text))):
        depth = 1
        for end in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            if depth == 0:
                return text[match.end() : end].strip()
    return None


def marked(completion: str) -> str | None:
    r"""Return what stands in the last `<answer>` tag, else in the last `\boxed{}`, or None."""
    tags = _TAG.findall(completion)
    return str(tags[-1]).strip() if tags else last_boxed(completion)


def first_line(completion: str) -> str:
    """Return the first line behind the prefix, or of it what `answer is` or `answer:` introduces at once."""
    lines = [line.strip() for line in completion.splitlines() if line.strip()]
    line = lines[0] if lines else ""
    if line.endswith(":") and len(lines) > 1:
        line = lines[1]
    said = [*_ANSWER_IS.finditer(first_sentence(line))]
    return line[said[-1].end() :].strip() if said else line


def later_lines(completion: str) -> Iterator[str]:
    """Yield what `answer is` or `answer:` introduces, up to the end of its line, the last first."""
    for match in reversed(list(_ANSWER_IS.finditer(completion))):
        yield completion[match.end() :].strip().partition("\n")[0]


def first_sentence(line: str) -> str:
    """Return a line up to where its first sentence ends, without the stop."""
    return _SENTENCE_END.split(line, maxsplit=1)[0].strip()


def answer_part(completion: str) -> str:
    r"""Return the piece of a completion in which its answer stands; empty if there is none.

    The last `<answer>` tag, otherwise the last `\boxed{}`, otherwise the first sentence, or what `answer is`
    leads to if that is in it.
    """
    found = marked(completion)
    return first_sentence(first_line(completion)) if found is None else found


def without_reason(sentence: str) -> str:
    """Return a sentence up to where it begins to say why, e.g. before `, since`."""
    return _REASON.split(sentence, maxsplit=1)[0].strip()


def without_aside(sentence: str) -> str:
    """Return a sentence up to where it says why or adds something, for answers that hold no such words."""
    return _ASIDE.split(without_reason(sentence), maxsplit=1)[0].strip()


def states_answer(reasoning: str) -> bool:
    """Tell whether reasoning answers in the words in which the answer is asked for, or in a box."""
    return _STATED.search(reasoning) is not None or last_boxed(reasoning) is not None
