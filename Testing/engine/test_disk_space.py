"""The free space that is asked for before the work: everything that a run writes, less what is there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from CFRTrain.pipeline import Pipeline, run_all
from CFRTrain.runs.errors import DiskFullError
from CFRTrain.runs.run_folder import FREE_SPACE_MARGIN
from CFRTrain.stages.disk_space import disk_need
from Testing.engine.tiny_run import tiny_run


def checked(root: Path, **changes: object) -> Pipeline:
    pipeline = Pipeline(tiny_run(root, **changes))
    pipeline.check()
    return pipeline


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_a_run_writes_is_what_was_asked_for(tmp_path):
    changes = {"labeler": "fusion", "fusion_members": ("atlas", "network"), "retrain.rounds": 2}
    pipeline = checked(tmp_path, **changes)
    need = disk_need(pipeline.context)
    run_all(pipeline.context.run)
    for name in ("store", "registrations", "pseudo_labels", "checkpoints"):
        assert 0.5 < written(tmp_path / name) / need[name] < 1.5, name
    assert written(tmp_path / "review") < 3 * need["review"]


def test_what_is_there_already_is_not_asked_for_again(tmp_path):
    pipeline = checked(tmp_path)
    before = disk_need(pipeline.context)
    pipeline.prepare()
    after = disk_need(pipeline.context)
    assert after["store"] < before["store"] / 2
    assert after["checkpoints"] == before["checkpoints"] > 0


def test_supervised_training_reserves_nothing_for_pseudo_labels(tmp_path):
    need = disk_need(checked(tmp_path, method="supervised", labeler="none").context)
    assert need["pseudo_labels"] == need["review"] == need["registrations"] == 0 < need["checkpoints"]


def test_a_disk_too_small_for_the_checkpoints_is_said_before_any_case_is_prepared(tmp_path):
    pipeline = checked(tmp_path)
    need = disk_need(pipeline.context)
    free = FREE_SPACE_MARGIN + sum(need.values()) - need["checkpoints"] // 2
    pipeline.context.run._disk_usage = lambda path: SimpleNamespace(free=free)
    with pytest.raises(DiskFullError, match=r"store \d+, .*pseudo_labels \d+, .*checkpoints \d+"):
        pipeline.prepare()
    assert not any((tmp_path / "store").glob("*/case.json"))
