"""What the benchmark asks, and whom."""

import os

import pytest

from cotfaith.bench import workloads
from cotfaith.bench.contest import MEGABYTE, Asked, Call, Setting, contenders, scoring_row
from cotfaith.bench.rivals import OURS, PLAIN, Ours, Plain, Scored, distinct_tokens, token_counter
from cotfaith.dialogue.prompts import plain_text
from cotfaith.errors import InputError

RUNG = "ladder/11k"


def test_every_prefix_of_a_reasoning_is_asked_about_once() -> None:
    questions = workloads.sums(2, operands=3)
    assert [len(question.text.split("+")) for question in questions] == [3, 3]
    requests = workloads.truncations(questions, [["", " 1 + 2 = 3. 3 + 4 = 7."], [" 1 + 2 = 3."]])
    # Without reasoning (of two samples once), one step, two steps; without, one step.
    assert len(requests) == 3 + 2
    assert all(request.choices == ("A", "B", "C", "D") for request in requests)
    assert questions[0].choices[0] == str(sum(map(int, questions[0].text[8:-1].split(" + "))))


def test_written_reasonings_of_samples_differ_from_the_first_step_on() -> None:
    first, second = workloads.written(samples=2, steps=2)
    assert first == " 10 + 10 = 20. 10 + 11 = 21."
    assert second.split(".")[0] == " 11 + 10 = 21"
    assert workloads.written(samples=1, steps=1, numbers=4) == [" 10 + 10 + 11 + 12 = 43."]


def test_a_preamble_is_as_long_as_asked() -> None:
    count = token_counter(RUNG)
    assert 1000 <= count(workloads.preamble(1000, count)) < 1100


def test_distinct_tokens_stand_behind_the_same_ones_once() -> None:
    # Tokens of the ladder are characters: 1 2 3 and 1 2 4 5 share two of seven.
    assert distinct_tokens(RUNG, ["123", "1245", "123"]) == (10, 5)


def test_plain_transformers_gives_the_same_answers_and_ours_computes_what_is_distinct() -> None:
    questions = workloads.sums(2, operands=3)
    requests = workloads.truncations(questions, [workloads.written(2, 3)] * 2)
    ours, plain = Ours(RUNG).score(requests), Plain(RUNG).score(requests)
    asked, distinct = distinct_tokens(RUNG, [plain_text(request.dialogue) for request in requests])
    assert ours.computed == distinct
    assert plain.computed >= asked > distinct
    for one, other in zip(ours.logprobs, plain.logprobs, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_contenders_take_turns_in_processes_of_their_own() -> None:
    requests = workloads.truncations(workloads.sums(1), [workloads.written(1, 1)])
    with contenders([PLAIN], Setting(RUNG, threads=1)) as started:
        turn = started[PLAIN]("score", requests)
        with pytest.raises(AttributeError):
            started[PLAIN]("fly")
        again = started[PLAIN]("score", requests)
    assert turn.value == again.value
    assert turn.peak > 100 * MEGABYTE
    assert turn.seconds > 0


def test_a_contender_that_is_killed_is_named() -> None:
    with contenders([PLAIN], Setting(RUNG, threads=1)) as started:
        started[PLAIN]._process.submit(os._exit, 9)
        with pytest.raises(InputError, match=r"process of transformers was killed.*memory"):
            started[PLAIN]("score", [])


def test_rates_and_ratios_are_medians_over_turns() -> None:
    def took(seconds: float) -> Call:
        return Call(Scored([[-1.0, -0.5]], 420), seconds, 3 * MEGABYTE)

    turns = {OURS: [took(1), took(2), took(4)], PLAIN: [took(6), took(8), took(8)]}
    row = scoring_row("w", PLAIN, turns, Asked(5, tokens_asked=400, distinct_tokens=200), bare=100)
    assert (row["seconds"], row["ratio"], row["ratio_least"], row["ratio_most"]) == (8, 4, 2, 6)
    assert (row["asked_per_second"], row["distinct_per_second"], row["of_bare_forward"]) == (50, 25, 0.25)
    assert (row["computed_per_distinct"], row["peak_megabytes"], row["apart_in_logprob"]) == (2.1, 3, 0)
    assert row["padding"] == 20
