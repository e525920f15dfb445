"""kill -9 on the application while labels are edited and saved; the benchmark does it fifty times."""

from __future__ import annotations

from Testing.benchmarks.kill_the_window import kill_often

KILLS = 3


def test_no_saved_label_is_lost_when_the_application_is_killed(display, hippocampus, tmp_path):
    tally = kill_often(tmp_path / "killed", hippocampus, KILLS, seed=1)
    assert tally.damaged == [] and tally.kills == KILLS and tally.saves >= KILLS
