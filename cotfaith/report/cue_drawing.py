"""Figures of a run with cues: what each cue does by which path, and reasoning moved between prompts."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cotfaith.report.drawing import SHARE, band, finish, panels

PATHS = {
    "TE": ("#222222", "o", "total"),
    "NDE": ("#cc6677", "s", "by the prompt alone (NDE)"),
    "NIE": ("#4477aa", "^", "through the reasoning alone (NIE)"),
}
SIDES = {
    (True, True): ("#222222", "o", "with the cue, its own reasoning"),
    (False, False): ("#999999", "o", "without, its own reasoning"),
    (True, False): ("#cc6677", "s", "with the cue, reasoning drawn without"),
    (False, True): ("#4477aa", "^", "without, reasoning drawn with the cue"),
}


def effects_figure(mediation: pd.DataFrame) -> Figure:
    """Draw the effects on P(h) of each cue: a panel a (task, model), a mark with its interval an effect.

    `mediation` has `task`, `model`, `cue`, `effect`, `value`, `ci_low` and `ci_high`.
    """
    shown = mediation[mediation["effect"].isin(PATHS)].dropna(subset="value")
    titles = {
        f"{t}\n{m}": (t, m) for t, m in shown[["task", "model"]].drop_duplicates().itertuples(index=False)
    }
    figure, axes = panels(list(titles))
    names = sorted(shown["cue"].unique(), reverse=True)
    for title, ax in axes.items():
        here = (shown["task"] == titles[title][0]) & (shown["model"] == titles[title][1])
        for i, (effect, (colour, marker, label)) in enumerate(PATHS.items()):
            rows = shown[here & (shown["effect"] == effect)]
            error = np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - rows["value"].to_numpy())
            y = [names.index(cue) + 0.2 * (1 - i) for cue in rows["cue"]]
            ax.errorbar(
                rows["value"], y, xerr=error, color=colour, marker=marker, markersize=4, linestyle="none",
                linewidth=1, label=label,
            )  # fmt: skip
        ax.axvline(0, color="0.6", linewidth=0.8)
        ax.set(xlabel="Change of P(the cue's answer)", xlim=(-1.03, 1.03), ylim=(-0.6, len(names) - 0.4))
        ax.set_yticks(range(len(names)), names)
    finish(figure, axes, "", [])
    return figure


def transplant_figure(transplants: pd.DataFrame) -> Figure:
    """Draw P(h) by the share of the reasoning that is shown: a panel a cue, a line a prompt and an origin.

    `transplants` is of one model and task, with `cue`, `prompt`, `drawn` (an arm, or `none`), `shown`,
    `value`, `ci_low` and `ci_high`.
    """
    figure, axes = panels(sorted(transplants["cue"].unique()))
    for cue, ax in axes.items():
        for (prompt, drawn), (colour, marker, label) in SIDES.items():
            sides = (transplants["prompt"] != "none") == prompt, (transplants["drawn"] != "none") == drawn
            rows = transplants[(transplants["cue"] == cue) & sides[0] & sides[1]].sort_values("shown")
            band(ax, rows, "shown", colour, marker, label)
        ax.set(xlabel="Share of the reasoning shown", ylim=SHARE)
    finish(figure, axes, "P(the cue's answer)", [])
    return figure
