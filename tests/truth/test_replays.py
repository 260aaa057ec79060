"""Others' raw outputs, in rows of our own in their format; the published ones are read where they are."""

import json
import os
from pathlib import Path

import pytest

from cotfaith.truth.replays import branches, judges_agree

THERE = os.environ.get("COTFAITH_RAW_OUTPUTS")


def write(folder: Path, judge: str, verdicts: list[tuple[bool, bool] | None]) -> None:
    lines = []
    for i, said in enumerate(verdicts):
        output: dict[str, object] = {"verbalized": None, "raw_judge_text": "{"}
        if said is not None:
            output = {"mentions_hint": said[0], "uses_hint_to_answer": said[1]}
        lines.append(json.dumps({"task_id": f"judge|{i}", "input": {"question_index": i}, "output": output}))
    (folder / f"{judge}tier1_m.jsonl").write_text("\n".join(lines))


def test_a_verdict_that_is_no_object_counts_as_a_no_or_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "judge_", [(True, True), (True, False), (False, False), (True, True)])
    write(tmp_path, "judge_model3opus_std_", [(True, False), (True, False), (False, False), None])
    as_no = judges_agree(tmp_path, missing_is_no=True).set_index("asked")
    assert as_no["transcripts"].tolist() == [4, 4]
    assert as_no["agree"].to_dict() == {"mention": 0.75, "use": 0.5}
    left_out = judges_agree(tmp_path, missing_is_no=False).set_index("asked")
    assert left_out["transcripts"].tolist() == [3, 3]
    assert left_out["agree"].to_dict() == {"mention": 1.0, "use": pytest.approx(2 / 3)}


def test_a_transplant_is_at_the_share_that_its_sentence_ends(tmp_path: Path) -> None:
    file = tmp_path / "branches.csv"
    rows = ["pn,sentence_num,cue_p", "1,0,0.1", "1,1,0.9", "2,0,0.0", "2,1,0.2", "2,2,0.2", "2,3,0.4"]
    file.write_text("\n".join(rows))
    curve = branches(file).set_index("shown")["value"]
    # The second problem has quarters; .25 and .75 are rounded to tenths as numpy does, to the even one.
    assert curve.to_dict() == pytest.approx({0.2: 0.0, 0.5: 0.15, 0.8: 0.2, 1.0: 0.65})


@pytest.mark.skipif(THERE is None, reason="COTFAITH_RAW_OUTPUTS names no folder of published raw outputs")
def test_the_published_numbers_come_out() -> None:
    found = judges_agree(Path(str(THERE)) / "redwood-hints", missing_is_no=True).set_index("asked")
    wanted = {
        "mention": {"transcripts": 697, "agree": 0.9641, "κ": 0.527, "AC1": 0.961, "yes, first": 0.956, "yes, second": 0.966},
        "use": {"transcripts": 697, "agree": 0.6026, "κ": 0.230, "AC1": 0.263, "yes, first": 0.808, "yes, second": 0.473},
    }  # fmt: skip
    for asked, numbers in wanted.items():
        assert found.loc[asked].to_dict() == pytest.approx(numbers, abs=6e-4)
