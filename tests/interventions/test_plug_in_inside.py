"""A plug-in of a user that looks inside: is the reasoning itself made of the question?"""

import re
from pathlib import Path

import pytest

from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.running.interview import Interview
from cotfaith.schema import Edit, Outcome
from tests.running.test_edits_inside import interviewed

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "plugins.md"


def written_in_the_page() -> str:
    """Return the plug-in as the documentation shows it."""
    (found,) = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "inside=" in code
    ]
    return str(found)


def test_the_plug_in_of_the_documentation_hides_the_question_from_the_reasoning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blindfold.py"
    path.write_text(written_in_the_page())
    assert len(written_in_the_page().splitlines()) <= 35
    monkeypatch.setattr(INTERVENTIONS, "files", [])
    monkeypatch.delitem(INTERVENTIONS.__dict__, "classes", raising=False)
    INTERVENTIONS.add_file(path)
    try:
        blindfold = INTERVENTIONS.build("blindfold")
        interview, traces = interviewed()
        assert isinstance(interview, Interview)
        edits = interview.edits(blindfold, traces)
        assert len(edits) == len(traces)
        shown = [edit for edit in edits if isinstance(edit, Edit)]
        outcomes = [one for one in interview.outcomes(shown, blindfold) if isinstance(one, Outcome)]
        assert len(outcomes) == len(traces)
        drops = [one.shift.own - one.shift.own_then for one in outcomes if one.shift is not None]
        assert len(drops) == len(traces)
        assert max(map(abs, drops)) > 1e-3
    finally:
        INTERVENTIONS.files.clear()
        INTERVENTIONS.__dict__.pop("classes", None)
