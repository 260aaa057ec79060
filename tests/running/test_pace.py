import pytest

from cotfaith.running.pace import Pace


def test_work_is_cut_so_that_a_batch_takes_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("cotfaith.running.pace.time.monotonic", lambda: now[0])
    pace = Pace()
    sizes: list[int] = []
    for batch in pace.batches(range(400)):
        sizes.append(len(batch))
        now[0] += 0.1 * len(batch)  # ten items a second
    assert sizes == [32, 64, 64, 64, 64, 64, 48]
    for batch in pace.batches(range(100)):
        sizes.append(len(batch))
        now[0] += 1.0 * len(batch)
    assert sizes[7:] == [64, 32, 4]
