"""What a study of thinking models will cost at most, said before it begins."""

from collections.abc import Iterator

from cotfaith.models.model import as_inside
from cotfaith.models.opening import open_model
from cotfaith.plugins.intervention import Intervention
from cotfaith.running.interview import REPLY_TOKENS
from cotfaith.running.plan import Plan

ASKING = 64
"""Tokens, about, of asking for an answer."""
SHORTEST = 4
"""Tokens of a step, if all are as short as can be."""


def at_most(plan: Plan) -> Iterator[str]:
    """Say how many tokens each model draws and computes at most, task by task; most thinking ends earlier.

    What a helper writes is not counted.
    """
    if not plan.study.thinking:
        return
    samples, longest = plan.study.samples, plan.study.sampling.max_new_tokens
    for planned in plan.tasks:
        questions = len(planned.questions) + len(planned.arms)
        traces = questions * samples
        parts = [
            f"{traces * longest:,} of thinking ({traces:,} samples of {longest:,})",
            f"{questions * REPLY_TOKENS:,} of own replies",
            *(f"{traces * _each(one, plan):,} for {one.spec}" for one in plan.interventions),
        ]
        yield f"{planned.task.spec}: at most, in tokens of each model, {', '.join(parts)}."


def _each(intervention: Intervention, plan: Plan) -> int:
    """Return the tokens that an intervention takes of each sample, where it thinks up to the limit.

    What is resumed is drawn on from every position to the limit, half of it on average; behind what is done
    inside as much is computed anew, for each of the groups of layers.
    """
    longest = plan.study.sampling.max_new_tokens
    positions = plan.study.settings.points or longest // SHORTEST
    inside = "hooks" in intervention.asks_for
    groups = intervention.groups(_layers(plan)) if inside else 1
    return positions * groups * ((longest // 2 if intervention.resumes or inside else 0) + ASKING)


def _layers(plan: Plan) -> int:
    """Return how many layers the deepest of the models has that can be changed inside."""
    models = (as_inside(open_model(name, plan.study.model_settings)) for name in plan.models)
    return max((model.layers for model in models if model), default=1)
