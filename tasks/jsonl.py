"""Your own questions, from a file of your own."""

from dataclasses import dataclass

from cotfaith import MultipleChoice, Question, Row, letters


@dataclass(frozen=True)
class Jsonl(MultipleChoice):
    """Your own file: {"question", "choices"?, "answer"?, "id"?} a line.

    With choices the answer is a letter or a choice's text; without, a short answer in any words.
    """

    def question(self, row: Row) -> Question:
        """Read a row; without an answer nothing is right or wrong."""
        choices = row.texts("choices") if row.fields.get("choices") else ()
        gold = self._gold(row, choices) if row.fields.get("answer") is not None else None
        given = row.fields.get("id")
        name = "" if given is None else Row(row.where, {"id": str(given)}).text("id")
        return Question(self.spec, name, row.text("question"), choices, gold)

    def _gold(self, row: Row, choices: tuple[str, ...]) -> str:
        answer = str(row.fields["answer"]).strip()
        if not choices:
            gold = self.parse(Question("", "", ""), answer)
            if gold is None:
                raise row.wrong("answer", f"expected a short answer, found {answer!r:.80}")
            return gold
        names = letters(len(choices))
        meant = {names[choices.index(answer)]} if answer in choices else set()
        meant |= {answer} & {*names}
        if len(meant) != 1:
            expected = f"one of the letters {'/'.join(names)} or of the choices {list(choices)}"
            raise row.wrong(
                "answer", f"expected {expected}, found {answer!r:.80}" + " (two of them)" * bool(meant)
            )
        return meant.pop()
