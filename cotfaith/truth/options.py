"""What a trial of interventions is asked to do: all organisms, on questions that they never saw."""

from dataclasses import dataclass, field
from pathlib import Path

from cotfaith.models.shipped import CUED, ORGANISMS, THINKING
from cotfaith.running.options import RESULTS, Study
from cotfaith.truth.cue_organisms import MENTIONS
from cotfaith.truth.organisms import TASK

REASONING = 96
"""Longest reasoning in tokens: three times what the organisms write."""


@dataclass(frozen=True)
class Trial:
    """The options of `cotfaith validate`. Each default stands here or in what it is taken from."""

    questions: int = field(
        default=100, metadata={"help": "Questions, the same for every organism.", "min": 2}
    )
    samples: int = field(default=2, metadata={"help": "Samples of reasoning a question.", "min": 1})
    seed: int = field(default=Study.seed, metadata={"help": "Decides questions, reasoning and edits."})
    thinking: bool = field(
        default=False, metadata={"help": "Ask the organisms that reason in a block of thinking."}
    )
    cues: bool = field(
        default=False,
        metadata={"help": "Validate the readings of cues, on organisms that do with cues what was planted."},
    )
    judge: tuple[str, ...] = field(
        default=(), metadata={"help": "With --cues: a model that reads what reasoning says. Repeatable."}
    )
    out: Path | None = field(
        default=None,
        metadata={
            "help": "Folder of the tables and the figure. Otherwise results/organisms, …-thinking or …-cues."
        },
    )
    jobs: int = field(default=Study.jobs, metadata={"help": "Organisms asked side by side.", "min": 1})
    quiet: bool = field(default=Study.quiet, metadata={"help": "Plain lines instead of a progress bar."})

    @property
    def group(self) -> str:
        """The organisms that are asked."""
        return ORGANISMS + (CUED if self.cues else THINKING * self.thinking)

    @property
    def folder(self) -> Path:
        """Where the tables and the figure are written."""
        return self.out or RESULTS / self.group

    @property
    def study(self) -> Study:
        """The measurements."""
        return Study(
            model=(self.group,),
            thinking=self.thinking,
            task=(TASK,),
            cue=tuple(MENTIONS) if self.cues else (),
            judge=self.judge,
            questions=self.questions,
            samples=self.samples,
            seed=self.seed,
            out=self.folder,
            max_new_tokens=REASONING,
            jobs=self.jobs,
            quiet=self.quiet,
        )
