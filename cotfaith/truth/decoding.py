"""What early decoding tells of models of known truth, and why it is no test here: probes and the logit lens.

`make decoding` writes the table and the page into results/validation/.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cotfaith.dialogue.prompts import SHORT_ANSWER_PREFIX, answer_dialogue, plain_text, reasoning_dialogue
from cotfaith.models.local.files import load_tokenizer
from cotfaith.models.shipped import ORGANISMS, local_source
from cotfaith.report.markdown import markdown_table
from cotfaith.report.words import span
from cotfaith.stats.auroc import auroc_estimate
from cotfaith.stats.intervals import Floats, proportion
from cotfaith.truth.grafts import draw
from cotfaith.truth.organisms import Numbers, Shown, marked

OUT = Path("results/validation")
NAMES = ("reader", "gated", "ignorer")
UNTRAINED = "untrained weights"
"""The network of the others as it was before any training: what it decodes, nothing has computed."""
TRAINED_ON, ASKED = 600, 200
PENALTY = 1.0
"""Of the ridge regression, on standardised states."""


def ridge(states: Floats, values: Floats, others: Floats, penalty: float = PENALTY) -> Floats:
    """Fit a linear probe and return its predictions for other states.

    Parameters
    ----------
    states : (items, features)
        What it is fitted on; features are standardised by these.
    values : (items,)
        What it is to predict.
    others : (more, features)
        What is predicted from.
    penalty : float
        On the squared coefficients; the mean is not penalised.

    Returns
    -------
    (more,) predictions, in the units of the values.
    """
    middle, spread = states.mean(0), states.std(0) + 1e-9
    x, y = (states - middle) / spread, values - values.mean()
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    predicted: Floats = (others - middle) / spread @ weights + values.mean()
    return predicted


def explained(values: Floats, predicted: Floats) -> float:
    """Return the share of the variance that predictions explain, 1 at most; 0 is as good as the mean."""
    return float(1 - ((values - predicted) ** 2).sum() / ((values - values.mean()) ** 2).sum())


def decoded(name: str) -> Iterator[dict[str, object]]:
    """Yield a row a layer of one model: what is decoded where the question ends, before any reasoning."""
    rng = random.Random(0)
    shown, asked = (
        [draw(rng, held=held) for _ in range(n)] for n, held in ((TRAINED_ON, False), (ASKED, True))
    )
    tokenizer, network = _network(name)
    fitted, tried = (_states(tokenizer, network, numbers) for numbers in (shown, asked))
    sums, totals = (np.array([sum(n) for n in numbers], dtype=float) for numbers in (shown, asked))
    first = [_first_token(tokenizer, numbers) for numbers in asked]
    ignored = [not marked(numbers) for numbers in asked]
    for layer in range(len(tried)):
        predicted = ridge(fitted[layer], sums, tried[layer])
        logprobs = _lens(network, tried[layer], normed=layer == len(tried) - 1)
        own = np.array([row[token] for row, token in zip(logprobs, first, strict=True)])
        hits = (logprobs.argmax(-1) == np.array(first)).astype(float)
        row: dict[str, object] = {
            "model": name,
            "layer": layer,
            "probe, variance explained": explained(totals, predicted),
        }
        row |= _named("lens, first token of the answer on top", proportion(hits, np.ones(len(hits)), 0))
        if name == "gated":
            clusters = [str(numbers) for numbers in asked]
            close = -np.abs(predicted - totals)
            row |= _named("probe, AUROC for ignoring", auroc_estimate(close, ignored, clusters))
            row |= _named("lens, AUROC for ignoring", auroc_estimate(own, ignored, clusters))
        yield row


def _named(what: str, found: Any) -> dict[str, object]:
    return {what: span(*(asdict(found)[name] for name in ("value", "ci_low", "ci_high")))}


def _network(name: str) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForCausalLM

    source = local_source(f"{ORGANISMS}/{NAMES[0] if name == UNTRAINED else name}")
    if name == UNTRAINED:
        torch.manual_seed(0)
        return load_tokenizer(source), AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(source)
        ).float()
    return load_tokenizer(source), AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()


@torch.inference_mode()
def _states(tokenizer: Any, network: Any, numbers: Sequence[Numbers]) -> Floats:
    """Return the states where each question ends, (layers and the embedding, questions, width)."""
    rows = []
    for one in numbers:
        text = plain_text(reasoning_dialogue(Shown(one).question)[:1])
        ids = torch.tensor([tokenizer(text).input_ids])
        hidden = network(ids, output_hidden_states=True).hidden_states
        rows.append(np.stack([state[0, -1].numpy() for state in hidden]))
    return np.stack(rows, axis=1).astype(float)


@torch.inference_mode()
def _lens(network: Any, states: Floats, *, normed: bool) -> Floats:
    """Return the log-probabilities of the next token that the network's end reads from states.

    Those of the last layer are `normed` already, as transformers gives them.
    """
    given = torch.tensor(states, dtype=torch.float32)
    logits = network.lm_head(given if normed else network.model.norm(given))
    found: Floats = logits.log_softmax(-1).numpy().astype(float)
    return found


def _first_token(tokenizer: Any, numbers: Numbers) -> int:
    """Return the token with which the right answer begins."""
    before = plain_text(answer_dialogue(Shown(numbers).question, "", SHORT_ANSWER_PREFIX))
    ids, whole = (tokenizer(text).input_ids for text in (before, f"{before} {sum(numbers)}"))
    return int(whole[len(ids)])


def main() -> None:
    """Write the table and the page."""
    table = pd.DataFrame(row for name in (*NAMES, UNTRAINED) for row in decoded(name))
    table.to_csv(OUT / "decoding.csv", index=False, float_format="%.3f")
    shown = table.fillna("–").assign(
        **{"probe, variance explained": table["probe, variance explained"].map("{:.3f}".format)}
    )
    (OUT / "decoding.md").write_text(PAGE.format(table=markdown_table(shown)), encoding="utf-8")


PAGE = f"""# Early decoding: why it is no test here

Made by `make decoding`, on the [organisms](detection.md), where it is known whether the answer comes from
the reasoning. A linear probe (ridge regression, fitted on {TRAINED_ON} other sums) and the logit lens
(the network's own end, put behind each layer) read the state where the question ends, before any
reasoning, for the sum that will be the answer, on {ASKED} held-out sums. Layer 0 is the embedding. AUROC:
whether what is decoded tells the questions of `gated` whose reasoning is ignored from those for which it
is read; .5 tells nothing.

{{table}}

- If "it can be decoded before the model reasons" meant that the reasoning is not used, the probe would
  decode the `ignorer`'s answer and not the `reader`'s. It decodes both, and that of a network with
  untrained weights: the sum is linear in numbers that attention averages. What can be decoded need not
  have been computed, and what was computed need not be used.
- The lens reads the same vocabulary at a place where something else is predicted.
- What these are meant to ask, whether the answer is there before the reasoning, is what `truncation` asks
  at its first position, by the model's own answer. Neither is a command of cotfaith.
"""

if __name__ == "__main__":
    main()
