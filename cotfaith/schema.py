"""The vocabulary: what flows from a question to an estimate. Data only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from cotfaith.errors import InputError

Scalar = str | int | float | bool
StepKind = Literal["sentence", "paragraph", "line"]


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue; the last one is the text that the model continues."""

    role: Literal["system", "human", "assistant"]
    text: str
    reasoning: str | None = field(default=None, compare=False)
    """Of the text, what is reasoning, which a thinking model writes in its block; None: nothing is."""


Dialogue = tuple[Turn, ...]


ArmKind = Literal["none", "incorrect", "correct", "sham"]
"""What of a cue is there: nothing of it, one that points at a wrong or at the right answer, or nowhere."""


@dataclass(frozen=True)
class Arm:
    """What a cue puts around a question, as the model sees it, and the answer that the arm is read for."""

    cue: str
    """The cue's specification."""
    kind: ArmKind
    target: str
    """A letter or a short answer. The arms `none` and `sham` do not say it: it is that of `incorrect`."""
    before: str = ""
    """Stands before the question."""
    after: str = ""
    """Stands after the choices."""
    earlier: tuple[Turn, ...] = ()
    """Turns of the dialogue before it."""
    mark: str = ""
    """Stands behind the choice that is the target."""
    text: str | None = None
    """Asked instead of the question's own text, where that holds the cue; None: the question's is."""
    choices: tuple[str, ...] = ()
    """Written instead of the question's own choices, in their order, where these hold the cue."""


@dataclass(frozen=True)
class Question:
    """One item of a task."""

    task: str
    """The task's specification, e.g. `addition:operands=4`."""
    id: str
    text: str
    choices: tuple[str, ...] = ()
    """Empty for a free response."""
    gold: str | None = None
    """The letter of the right choice, or the right short answer; None where nothing is right."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Letters of choices that mean something, e.g. which one is the user's view."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Facts by which questions can be told apart, e.g. the subject."""
    note: str = ""
    """Said after the choices."""
    accepted: tuple[str, ...] = ()
    """Other answers, as `gold` is written, that are right too."""
    arm: Arm | None = field(default=None, metadata={"later": True})
    """What a cue puts around it; None: it is asked as it is."""

    @property
    def right(self) -> tuple[str, ...]:
        """All answers that are right; none where nothing is."""
        return () if self.gold is None else (self.gold, *self.accepted)


@dataclass(frozen=True)
class LeftOut:
    """What of a task's data is not asked: for each row or file what is said of it, with where it stands."""

    bad_rows: tuple[str, ...] = ()
    """What is wrong with rows that cannot be read."""
    duplicates: tuple[str, ...] = ()
    """Rows that say the same as an earlier one."""
    contradictions: tuple[str, ...] = ()
    """Rows that ask the same as an earlier one and give another answer."""
    other_files: tuple[str, ...] = ()
    """Files of the folder that hold no row of the task."""


@dataclass(frozen=True)
class Sampling:
    """How text is drawn from a model."""

    temperature: float = 0.8
    """0 takes the most likely token."""
    top_p: float = 0.95
    max_new_tokens: int = 256
    top_k: int = field(default=0, metadata={"later": True})
    """Draws among so many of the likeliest tokens; 0 among all."""
    min_p: float = field(default=0.0, metadata={"later": True})
    """Draws no token that is less than so many times as likely as the likeliest one."""


@dataclass(frozen=True)
class Settings:
    """What decides what is asked, apart from the model and the questions."""

    sampling: Sampling = Sampling()
    """Of reasoning."""
    seed: int = 0
    samples: int = 5
    """Of reasoning, a question."""
    permutations: int = 3
    """Other orders of the choices in which a question is asked without reasoning."""
    points: int | None = None
    """Most positions along a reasoning at which it is changed; None: all."""
    steps: StepKind = "sentence"
    """What a step of reasoning is."""


@dataclass(frozen=True)
class GenerationRequest:
    """A dialogue to continue. Its seed alone decides its random numbers, whatever the batch."""

    dialogue: Dialogue
    sampling: Sampling
    seed: int = 0
    stop: tuple[str, ...] = ()
    reserve: int = 0
    """Tokens of the model's context to leave free for what will be asked after it."""


@dataclass(frozen=True)
class Generation:
    """A continuation, cut before the stop string."""

    text: str
    tokens: int
    hit_limit: bool
    """Ended by the token limit, not by the model."""
    logprob: float | None = field(default=0.0, compare=False)
    """Sum of the log-probabilities of all that was drawn, at temperature 1; None where it is not known."""
    closed: bool = True
    """Whether a block of thinking was closed by the model, where it was to be."""


@dataclass(frozen=True)
class Refusal:
    """Why a model cannot be asked."""

    reason: str


@dataclass(frozen=True)
class Rewritten:
    """A part of some reasoning as it was rewritten, or what is wrong with the rewrite."""

    text: str = ""
    fault: str = ""
    """Why it cannot stand in the place of the original; nothing if it can."""


@dataclass(frozen=True)
class ChoiceRequest:
    """A dialogue whose next text is one of a few strings."""

    dialogue: Dialogue
    choices: tuple[str, ...]


@dataclass(frozen=True)
class ChoiceProbs:
    """Probabilities of the choices as the dialogue's next text."""

    probs: tuple[float, ...]
    """Normalised over the choices."""
    mass: float
    """What the choices hold together of the model's whole distribution, 0 to 1."""


@dataclass(frozen=True)
class TextRequest:
    """A text, and the dialogue that it continues."""

    dialogue: Dialogue
    text: str


@dataclass(frozen=True)
class TextScore:
    """How likely a model finds a text."""

    logprob: float
    """Sum of the log-probabilities of its tokens, at temperature 1."""
    tokens: int
    """How many tokens these are."""

    @property
    def per_token(self) -> float | None:
        """The mean log-probability of a token; None for an empty text."""
        return self.logprob / self.tokens if self.tokens else None


@dataclass(frozen=True)
class Answer:
    """What a model answered."""

    text: str | None
    """The letter or the short answer; None if none could be read."""
    probs: tuple[float, ...] = ()
    """Over the choices, in their order; empty for a free response."""
    mass: float | None = None
    """What the choices hold together of the model's distribution; None for a free response."""
    probability: float | None = None
    """Of the completion, for a free response."""
    completion: str = ""
    """What the model wrote, for a free response."""
    correct: bool | None = None
    """None where the question has no right answer."""


@dataclass(frozen=True)
class Trace:
    """One sampled reasoning and the answers with it and without it."""

    question: Question
    sample: int
    steps: tuple[str, ...]
    """Joined, they are the reasoning byte for byte; each begins with the space that separates it."""
    drawn_tokens: int
    hit_limit: bool
    answer: Answer
    answer_without: Answer
    same_without: bool
    """Whether the two answers are the same."""
    logprob: float | None = None
    """Mean log-probability of a token of the reasoning, at temperature 1; None without reasoning."""
    text_tokens: int = 0
    """Of the reasoning as it is kept, counted by itself as an edit's are."""
    prompt_tokens: int = 0
    """Of the dialogue up to the reasoning, in plain form."""
    closed: bool = True
    """Whether the model closed its block of thinking itself, where it has one."""

    @property
    def reasoning(self) -> str:
        """The whole reasoning."""
        return "".join(self.steps)


Readers = Literal["answer", "closing", "later", "reasoning"]
"""Who reads: the place that answers, all that stands behind the reasoning, all that stands behind what is
read, or of that only the reasoning."""


@dataclass(frozen=True)
class Blocked:
    """Parts of the prompt to which some of what stands behind them cannot attend; positions stay."""

    steps: tuple[int, ...] = ()
    """Of the steps that are shown, from 0."""
    question: bool = False
    """The question too, with its choices and its note."""
    readers: Readers = "closing"
    """Who cannot attend to them. The answer that the model then writes is always among them, but for
    `reasoning`."""
    layers: tuple[int, ...] | None = None
    """In which layers, from 0; None: in all."""
    kind: Literal["blocked"] = "blocked"


@dataclass(frozen=True)
class Patched:
    """Steps whose states are taken from a run on another text, place by place."""

    steps: tuple[int, ...]
    """Of the steps that are shown, from 0."""
    donor: tuple[str, ...]
    """The steps of the other text, which has as many tokens in these steps and before each."""
    layers: tuple[int, ...] = (0,)
    """Before which layers the residual stream is replaced, from 0."""
    kind: Literal["patched"] = "patched"


@dataclass(frozen=True)
class Edit:
    """What the model is shown instead of a trace's reasoning, and what is done to it inside."""

    trace: Trace
    steps: tuple[str, ...]
    position: float
    """Where on the curve, 0 to 1: the share of the reasoning that is shown, kept or rewritten."""
    resume: bool = False
    """Whether the model goes on reasoning from the steps before it answers."""
    coords: Mapping[str, Scalar] = field(default_factory=dict)
    """Labelled coordinates of this edit, e.g. which step it changed."""
    question: Question | None = None
    """Asked instead of the trace's question."""
    instead_of_end: tuple[str, ...] = field(default=(), metadata={"later": True})
    """What is put in the place of the reasoning's end: first of what is shown, then of what the model adds to
    it, each time that it ends; from each of these it resumes."""
    inside: tuple[Blocked | Patched, ...] = field(default=(), metadata={"later": True})
    """What is done inside the model while it reads what is shown, and answers."""

    def __post_init__(self) -> None:
        """Refuse what cannot be done inside."""
        if self.inside and self.resume:
            raise InputError("an edit that changes the model inside cannot resume: what would be resumed?")
        shown = range(len(self.steps))
        for one in self.inside:
            there = range(len(one.donor)) if isinstance(one, Patched) else shown
            for step in one.steps:
                if step not in shown or step not in there:
                    raise InputError(f"{one.kind}: there is no step {step} among the {len(shown)} shown.")
            if one.layers is not None and any(layer < 0 for layer in one.layers):
                raise InputError(f"{one.kind}: layers are counted from 0.")

    @property
    def reasoning(self) -> str:
        """The text that is shown."""
        return "".join(self.steps)

    @property
    def asked(self) -> Question:
        """The question that is asked: the trace's own, if no other is asked instead."""
        return self.question or self.trace.question


@dataclass(frozen=True)
class InsideRequest:
    """Something to ask while the model is changed inside."""

    request: ChoiceRequest | GenerationRequest | TextRequest
    before: Dialogue
    """Ends where the reasoning begins."""
    question: str
    """As it stands in the first turn."""
    steps: tuple[str, ...]
    """Joined, the reasoning that the request's dialogue shows."""
    inside: tuple[Blocked | Patched, ...] = ()
    donors: tuple[Dialogue, ...] = ()
    """The dialogue with a donor's steps in place of the reasoning, for each of `Patched` in their order."""
    home: Dialogue = ()
    """For a text to be scored: where the model, unchanged, is asked what it writes behind it, its end."""


@dataclass(frozen=True)
class NotApplicable:
    """Why an intervention, or one edit of it, does not apply to a trace."""

    trace: Trace
    reason: str
    coords: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Divergence:
    """How far a change inside moves what the next tokens may be, in nats: a mean over some tokens."""

    kl: float
    """KL(unchanged ‖ changed) over the whole vocabulary, 0 or more."""
    js: float
    """Jensen-Shannon divergence of the same two, 0 to ln 2."""
    entropy: float
    """Of the unchanged distribution."""


@dataclass(frozen=True)
class Shift:
    """How a change inside moves an answer, in log-probabilities (nats) of whole answers with their end.

    A gap is the log-probability of the trace's own answer less that of the answer to the other text: the
    donor's, or the shown one where the donor is the trace's own. None where both answers are the same.
    """

    own: float
    """Of the trace's own answer after its own reasoning, nothing changed."""
    own_then: float
    """Of that answer after the edit."""
    gap: float | None = None
    """After the trace's own reasoning, nothing changed."""
    gap_then: float | None = None
    """After the edit."""
    gap_other: float | None = None
    """After the other text, nothing changed."""
    divergence: Divergence | None = None
    """Over the tokens of the trace's own answer with its end; None where that is a letter, or where something
    else is done than hiding in all layers at once."""


@dataclass(frozen=True)
class Outcome:
    """What the model answered to an edit."""

    answer: Answer
    same: bool
    """Whether it is the answer that the trace's own reasoning gave."""
    resumed: str = ""
    """The reasoning that the model added to the steps it was shown."""
    hit_limit: bool = False
    tokens: int = 0
    """Of what was shown, in the model's own tokens."""
    logprob: float | None = None
    """Mean log-probability of a token of what was shown; None where that begins the original reasoning."""
    resumed_tokens: int = 0
    shift: Shift | None = None
    """How an edit inside moved the answer; None for other edits."""
    on_steps: tuple[float | None, ...] = ()
    """Where it is asked of an edit that hides a step from all later tokens: how it moves each step behind it,
    as the mean of log KL over the step's tokens; None for a step without tokens."""
    attention: tuple[float, ...] = ()
    """Where hooks change nothing: the attention of the place that answers to the reasoning, 0 to 1, the mean
    of the heads of each layer."""


@dataclass(frozen=True)
class Reply:
    """What a thinking model answered by itself behind its thinking, where no answer was begun for it."""

    text: str
    tokens: int
    hit_limit: bool
    answer: str | None
    """As it was read; None if none could be."""
    same: bool
    """Whether it is the trace's answer."""


Part = Literal["reasoning", "reply"]
"""Of what a model writes: its reasoning, which is the thinking where it thinks, or its reply behind it."""


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a text: whether it mentions a cue, or says that the writer used it."""

    part: Part
    asked: Literal["mention", "use"]
    verdict: bool | None
    """None where there is none, for `fault`."""
    probability: float | None = None
    """Of yes, beside no; None where the judge writes its verdict."""
    quote: str = ""
    """What the judge quotes for a yes."""
    fault: str = ""
    """Why there is no verdict."""


@dataclass(frozen=True)
class Rotated:
    """The answer without reasoning to a question whose choices begin with another one."""

    question: Question
    rotation: int
    """The place that the first choice had before, so that each one stands this much nearer to the front."""
    answer: Answer
    """Its letter is that of the rotated choices."""


def _ability(default: bool, does: str, otherwise: str) -> Any:
    return field(default=default, metadata={"does": does, "otherwise": otherwise})


@dataclass(frozen=True)
class Abilities:
    """What a model can be asked for, as what runs it decides; each ability with what else would do."""

    logprobs: bool = _ability(
        True,
        "tells the log-probabilities of chosen tokens",
        "Have the answer written (TASK:written=true), or take a model that is loaded here.",
    )
    texts: bool = _ability(
        True, "tells the log-probability of a given text", "Take a model that is loaded here."
    )
    prefill: bool = _ability(
        True, "goes on within a turn that was begun for it", "Take a model that is loaded here."
    )
    seeds: bool = _ability(
        True, "draws the same text again from the same seed", "Take a model that is loaded here."
    )
    hooks: bool = _ability(
        False,
        "can be read and changed inside",
        "Take a model that is loaded here, in a directory or from the hub.",
    )

    def lacking(self, needed: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield of each needed ability that is not there what it does, and what else would do."""
        for f in fields(self):
            if f.name in needed and not getattr(self, f.name):
                yield f.metadata["does"], f.metadata["otherwise"]


@dataclass(frozen=True)
class Estimate:
    """A number, how sure it is, and what it was counted from."""

    value: float
    ci_low: float
    ci_high: float
    nobs: int
    """Outcomes counted."""
    questions: int
    """Questions (clusters) they came from."""


@dataclass(frozen=True)
class ModelInfo:
    """Which model, so exactly that no other has the same fingerprint."""

    name: str
    fingerprint: str
    """Hub commit or content hash, with everything else about it that changes its answers."""
    n_params: int


@dataclass(frozen=True)
class Fact:
    """One of the circumstances under which a run is measured."""

    key: str
    """Equal where nothing that counts has changed."""
    text: str
    """What a reader is shown where the keys differ; of several lines, those that differ."""
