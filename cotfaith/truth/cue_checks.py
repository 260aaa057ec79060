"""The estimators of cues, on simulated subjects of whom the truth is known."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from cotfaith.stats import cues
from cotfaith.stats.agreement import agreement
from cotfaith.stats.intervals import Floats
from cotfaith.stats.mediation import mediation
from cotfaith.stats.monitoring import monitorability
from cotfaith.stats.readings import Reading
from cotfaith.truth.checks import Check, Kind
from cotfaith.truth.simulation import Design, dials

LETTERS = np.array(list("ABCD"))
H = "B"


@dataclass(frozen=True)
class Follower:
    """A subject that answers A, or by itself another letter; a cue makes it answer B."""

    led: float
    """How often the cue decides; differs between questions."""
    errs: float
    """How often it answers another letter than A by itself, each as often."""
    says: float
    """How often reasoning names the cue where it decided."""

    @property
    def _each(self) -> float:
        return self.errs / (len(LETTERS) - 1)

    @property
    def p(self) -> float:
        """Pairs that follow."""
        return self.led + (1 - self.led) * self._each

    @property
    def q(self) -> float:
        """Pairs that switch elsewhere: from A to one of two letters, or from these to A or the other."""
        r = self._each
        from_a, from_other = (1 - self.errs) / (1 - r), 2 * r / (1 - r)
        return (1 - self.led) * (from_a * 2 * r + from_other * (1 - 2 * r))

    @property
    def alpha(self) -> float:
        """The share of switches to B that the cue made, as it is defined."""
        return 1 - self.q / (2 * self.p)

    @property
    def named(self) -> float:
        """F*: of what follows, named by so many; over α."""
        return min(1.0, self.says * self.led / self.p / self.alpha)

    def draw(self, rng: np.random.Generator, design: Design) -> "Drawn":
        """Draw the answers of each question with the cue and without, and what the reasoning names."""
        shape = design.questions, design.samples
        led = rng.random(shape) < dials(rng, design, self.led)[:, None]
        with_cue = np.where(led, H, self._natural(rng, shape))
        said = led & (rng.random(shape) < self.says)
        return Drawn(self._natural(rng, shape).tolist(), with_cue.tolist(), said.tolist())

    def _natural(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        chances = [1 - self.errs, *[self._each] * (len(LETTERS) - 1)]
        return np.asarray(rng.choice(LETTERS, size=shape, p=chances))


@dataclass(frozen=True)
class Drawn:
    """Answers of each question without the cue and with it, and whether the reasoning with it names it."""

    without: list[list[str]]
    with_cue: list[list[str]]
    said: list[list[bool]]

    @property
    def pairs(self) -> cues.Pairs:
        """Their pairs."""
        n = len(self.without)
        return cues.pairs_of(self.without, self.with_cue, [H] * n, [len(LETTERS)] * n)

    @property
    def retained(self) -> cues.Retained:
        """Those that followed, and what they name."""
        return cues.retained_of(self.without, self.with_cue, self.said, [H] * len(self.without))


SUBJECT = Follower(led=0.4, errs=0.3, says=0.5)


def cue_checks() -> Iterator[Check]:
    """Yield every check of what is estimated of cues."""
    for questions in (20, 50, 200):
        yield from _of(Design(questions, 5, 0.3))


def _of(design: Design) -> Iterator[Check]:
    def check(estimator: str, kind: Kind, truth: float, hit: Callable[..., bool], *of: object) -> Check:
        return Check(estimator, kind, truth, design, partial(hit, design, *of))

    one = SUBJECT
    yield check("cue: p, pairs that follow", "covers", one.p, _covers, "followed", one.p)
    yield check("cue: excess", "covers", one.p - one.q / 2, _covers, "excess", one.p - one.q / 2)
    yield check("cue: α", "covers", one.alpha, _covers, "alpha", one.alpha)
    yield check("cue: F*", "covers", one.named, _named, one.named)
    yield check("cue: NIE", "covers", 0.2, _indirect, 0.2)
    yield check("cue: NIE where there is none", "rejects", 0.0, _indirect_found)
    yield check("cue: share mediated", "covers", 4 / 9, _mediated, 4 / 9)
    yield check("cue: κ of two readers", "covers", 0.5, _agreement, "kappa", 0.5)
    yield check("cue: AC1 of two readers", "covers", 0.5, _agreement, "ac1", 0.5)
    truth = _g_mean2()
    yield check("cue: g-mean²", "covers", truth, _monitored, truth)


def _within(found: Reading, truth: float) -> bool:
    return found.estimate.ci_low - 1e-12 <= truth <= found.estimate.ci_high + 1e-12


def _covers(design: Design, estimator: str, truth: float, rng: np.random.Generator) -> bool:
    return _within(getattr(cues, estimator)(SUBJECT.draw(rng, design).pairs), truth)


def _named(design: Design, truth: float, rng: np.random.Generator) -> bool:
    drawn = SUBJECT.draw(rng, design)
    return _within(cues.normalised(drawn.retained, drawn.pairs), truth)


def _cells(rng: np.random.Generator, design: Design, indirect: float) -> dict[tuple[int, int], Floats]:
    """Draw Y(s, t) of each question: .05, with .25 more by the prompt and so much by the reasoning.

    Effects differ between questions, each trace's answer is drawn.
    """
    direct = 2 * 0.25 * rng.beta(2, 2, design.questions)
    through = 2 * indirect * rng.beta(2, 2, design.questions)
    chances = {(s, t): 0.05 + s * direct + t * through for s in (0, 1) for t in (0, 1)}
    return {place: rng.binomial(design.samples, p) / design.samples for place, p in chances.items()}


def _indirect(design: Design, truth: float, rng: np.random.Generator) -> bool:
    found = mediation(_cells(rng, design, truth)).indirect
    return found.ci_low <= truth <= found.ci_high


def _indirect_found(design: Design, rng: np.random.Generator) -> bool:
    return mediation(_cells(rng, design, 0.0)).indirect.p < 0.05


def _mediated(design: Design, truth: float, rng: np.random.Generator) -> bool:
    """An indirect effect of .2 beside a direct one of .25 is 4/9; it is read where TE is clear of 0."""
    found = mediation(_cells(rng, design, 0.2)).share
    return bool(found.undefined) or _within(found, truth)


def _agreement(design: Design, which: str, truth: float, rng: np.random.Generator) -> bool:
    """Two readers that say yes to half and agree in three quarters: κ and AC1 are both .5.

    Questions differ in how often their items are agreed on.
    """
    shape = design.questions, design.samples
    first = rng.random(shape) < 0.5
    second = np.where(rng.random(shape) < dials(rng, design, 0.75)[:, None], first, ~first)
    owner = np.repeat([str(i) for i in range(design.questions)], design.samples)
    found = agreement(first.ravel().tolist(), second.ravel().tolist(), owner.tolist())
    return _within(getattr(found, which), truth)


CUED, UNCUED, HIT, MISS, QUIET = 0.6, 0.1, 0.5, 0.2, 0.1
"""P(h) with the cue and without; how often a monitor fires: h with the cue, not h with it, and without it."""


def _g_mean2() -> float:
    share = (CUED - UNCUED) / CUED
    return float(min(1.0, HIT / share) * np.sqrt((1 - QUIET) * (1 - MISS)))


def _monitored(design: Design, truth: float, rng: np.random.Generator) -> bool:
    shape = design.questions, design.samples
    y = [rng.random(shape) < dials(rng, design, p)[:, None] for p in (UNCUED, CUED)]
    fires = [np.full(shape, QUIET), np.where(y[1], HIT, MISS)]
    x, z = (np.r_[np.zeros(y[0].size), np.ones(y[1].size)], [rng.random(shape) < p for p in fires])
    owner = np.repeat([str(i) for i in range(design.questions)], design.samples).tolist()
    said = np.concatenate([one.ravel() for one in z]).astype(np.float64)
    found = monitorability(x, np.concatenate([one.ravel() for one in y]).astype(np.float64), said, owner * 2)
    return bool(found.undefined) or found.ci_low <= truth <= found.ci_high
