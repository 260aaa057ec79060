"""MMLU (Hendrycks et al. 2021, arXiv 2009.03300)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, letters, unknown

SUBJECTS = """
abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
college_computer_science college_mathematics college_medicine college_physics computer_security
conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts
high_school_biology high_school_chemistry high_school_computer_science high_school_european_history
high_school_geography high_school_government_and_politics high_school_macroeconomics high_school_mathematics
high_school_microeconomics high_school_physics high_school_psychology high_school_statistics
high_school_us_history high_school_world_history human_aging human_sexuality international_law jurisprudence
logical_fallacies machine_learning management marketing medical_genetics miscellaneous moral_disputes
moral_scenarios nutrition philosophy prehistory professional_accounting professional_law professional_medicine
professional_psychology public_relations security_studies sociology us_foreign_policy virology world_religions
""".split()  # noqa: SIM905 a list would take a page


@dataclass(frozen=True)
class Mmlu(MultipleChoice):
    """Exam questions of 57 subjects, or of the one that `subject` names."""

    subject: str = ""

    hub: ClassVar[HubSource | None] = HubSource("cais/mmlu", "all", "test")
    files: ClassVar[tuple[str, ...]] = ("*_test.csv", "*mmlu*test*", "*mmlu*")
    columns: ClassVar[tuple[str, ...]] = ("question", "A", "B", "C", "D", "answer")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (columns, ("question", "choices", "answer", "subject"))

    def __post_init__(self) -> None:
        if self.subject and self.subject not in SUBJECTS:
            raise unknown("subject of mmlu", self.subject, SUBJECTS)

    def question(self, row: Row) -> Question | None:
        """Read a line of the benchmark's own files, whose names hold the subject, or the hub's row."""
        subject = row.text("subject") if row.has("subject") else row.stem.removesuffix("_test")
        if self.subject not in ("", subject):
            return None
        names = letters(4)
        if row.has("choices"):
            choices = row.texts("choices")
            gold = row.index("answer", len(choices))
        else:
            choices = tuple(row.written(name) for name in names)
            gold = row.place("answer", names)
        text = row.text("question")
        return Question(self.spec, "", text, choices, names[gold], labels={"subject": subject})
