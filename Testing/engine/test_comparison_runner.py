"""The comparison's runner: a real tiny comparison on phantoms, resumed, shared labels, failures kept."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from CFRTrain.data.phantoms import write_cohort
from CFRTrain.pipeline import run_all
from CFRTrain.runs.errors import CFRError
from CFRTrain.runs.job import ClassSpec, changed, preset
from CFRTrain.runs.run_folder import RunFolder
from Testing.benchmarks.comparison.__main__ import DONE, IN_TABLE, TO_DO, state_of, table_rows
from Testing.benchmarks.comparison.label_once import label_once
from Testing.benchmarks.comparison.rows import write_rows
from Testing.benchmarks.comparison.runner import ORIGIN, Runner
from Testing.benchmarks.comparison.shared_labels import labels_key, link_parts, prepared_key
from Testing.benchmarks.comparison.table import read_table
from Testing.benchmarks.fixed_splits import Dataset

ATRIUM = (ClassSpec(1, "left atrium"),)
TABLE = """
[budgets.tiny]
title = "three steps"
preset = "preview"
on_cpu = true
[budgets.tiny.job]
"retrain.steps" = 3
"retrain.width" = 4
"retrain.levels" = 3
"predict.runtime" = "torch"
[[rounds]]
dataset = "phantoms"
labels = 1
seed = 0
[variants]
without = { labeler = "none" }
with = { labeler = "atlas" }
[methods.mean_teacher]
title = "Mean Teacher"
[methods.magicnet]
title = "MagicNet"
with = { "retrain.learning_rate" = 1e-3 }
[methods.no_such_method]
title = "not there yet"
"""


class QuickRunner(Runner):
    """Calls what a runner starts processes for: of a process, seconds are imports."""

    def _process(self, folder: Path, *command: str) -> int:
        work = run_all if command == ("CFRTrain", "run") else label_once
        try:
            work(RunFolder(folder))
        except CFRError as error:
            return error.exit_code
        return 0


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner over five phantoms; its work folder is the module's."""
    root = tmp_path_factory.mktemp("comparison")
    write_cohort(root / "data" / "phantoms", 5, seed=3, size_zyx=(16, 24, 24), spacing_zyx=(6.0, 6.0, 6.0))
    (root / "table.toml").write_text(TABLE)
    datasets = {"phantoms": Dataset("phantoms", ATRIUM, 4, 1)}
    table = read_table(root / "table.toml")
    return Runner(table, root / "data", root / "work", 1, "abc", "a machine", datasets)


def cell(runner: Runner, name: str):
    """The cell of a configuration."""
    return next(item for item in runner.table.cells("tiny") if item.configuration.name == name)


@pytest.fixture(scope="module")
def row(runner: Runner):
    """A first real run, Mean Teacher with the atlas's pseudo-labels, in processes of its own."""
    return runner.run(cell(runner, "mean_teacher+labels"))


@pytest.fixture
def quick(runner: Runner) -> QuickRunner:
    """A runner over the same work folder."""
    return QuickRunner(runner.table, runner.data, runner.work, 1, "abc", "a machine", runner.datasets)


def test_a_real_run_gives_a_row_with_figures_costs_and_origin(runner, row):
    results = RunFolder(runner.folder(cell(runner, "mean_teacher+labels"))).results()
    assert row.status == "done" and row.cases == 1 and row.commit == "abc" and row.machine == "a machine"
    assert row.dice == pytest.approx(results["validation"]["mean_dice"], abs=1e-5)
    assert set(row.shared_seconds) == {"prepare", "label", "registration"}
    assert row.shared_seconds["registration"] > 0
    own = sum(stage["seconds"] for stage in results["stages"].values())
    assert row.total_seconds == pytest.approx(own + sum(row.shared_seconds.values()))
    assert 0 < row.pseudo_dice <= 1 and row.device == "cpu" and "torch" in row.versions


def test_a_finished_run_is_not_repeated(runner, row):
    folder = runner.folder(cell(runner, "mean_teacher+labels"))
    before = (folder / "results.json").stat().st_mtime_ns
    assert runner.run(cell(runner, "mean_teacher+labels")) == row
    assert (folder / "results.json").stat().st_mtime_ns == before


def test_a_run_links_the_labels_and_makes_none_itself(runner, row):
    labels = next((runner.work / "labels").iterdir())
    folder = runner.folder(cell(runner, "mean_teacher+labels"))
    for part in ("pseudo_labels/atlas/case_0002.safetensors", "review.json", "store/case_0002/image.npy"):
        assert os.path.samefile(labels / part, folder / part)
    events = (folder / "events.jsonl").read_text()
    assert '"stage": "atlas"' not in events  # the labeler never said that it labeled a case


def test_other_training_settings_mean_other_labels_for_networks_only_where_they_learn_by_them():
    job = preset("standard", ATRIUM, on_cpu=True)
    same = {"method": "bcp", "retrain.steps": 7, "retrain.pairs": 0.0, "retrain.consistency": 3.0}
    assert labels_key(changed(job, same)) == labels_key(job)
    assert labels_key(changed(job, {"retrain.batch_labeled": 2, "retrain.batch_unlabeled": 0})) == labels_key(
        job
    )
    others = {"seed": 1, "labeler": "atlas", "retrain.width": 4, "retrain.result": "student"}
    others |= {"retrain.batch_labeled": 2, "network_labeler.steps": 9, "atlas.atlases": 1}
    for name, value in others.items():
        assert labels_key(changed(job, {name: value})) != labels_key(job), name
    assert prepared_key(changed(job, {"seed": 1, "labeler": "none"})) == prepared_key(job)
    assert prepared_key(changed(job, {"plan.spacing_mm_zyx": [2.0, 2.0, 2.0]})) != prepared_key(job)


def test_links_leave_what_is_there_and_files_half_written(tmp_path):
    (tmp_path / "a" / "review").mkdir(parents=True)
    (tmp_path / "b" / "review").mkdir(parents=True)
    for name in ("1.nii.gz", "2.nii.gz", ".half.nii.gz"):
        (tmp_path / "a" / "review" / name).write_text("ours")
    (tmp_path / "b" / "review" / "1.nii.gz").write_text("theirs")
    assert link_parts(tmp_path / "a", tmp_path / "b", ("review/*.nii.gz",)) == 1
    found = {path.name: path.read_text() for path in (tmp_path / "b" / "review").iterdir()}
    assert found == {"1.nii.gz": "theirs", "2.nii.gz": "ours"}


def test_a_run_that_fails_is_a_row_with_the_reason_and_is_tried_again(quick, row):
    missing = cell(quick, "mean_teacher")
    image = quick.data / "phantoms" / "images" / "case_0003.nii.gz"
    kept = image.read_bytes()
    image.write_bytes(b"not a volume")
    try:
        failed = quick.run(missing)
    finally:
        image.write_bytes(kept)
    assert failed.status == "failed" and failed.dice is None and failed.error
    assert quick.finished(missing) is None
    again = quick.run(missing)
    assert again.status == "done" and again.pseudo_dice is None
    assert set(again.shared_seconds) <= {"prepare"}


def test_an_unfinished_run_goes_on_and_one_of_another_version_begins_anew(quick, row):
    wanted = cell(quick, "mean_teacher+labels")
    folder = quick.folder(wanted)
    results, mark = folder / "results.json", folder / "mark"
    before = json.loads(results.read_text())
    results.unlink()
    mark.touch()
    assert quick.run(wanted).dice == row.dice and mark.exists()
    assert json.loads(results.read_text())["weights_sha256"] == before["weights_sha256"]
    results.unlink()
    origin = json.loads((folder / ORIGIN).read_text())
    (folder / ORIGIN).write_text(json.dumps({**origin, "commit": "older"}))
    assert quick.run(wanted).dice == row.dice and not mark.exists()


def test_other_settings_are_another_folder(runner):
    first, second = cell(runner, "magicnet"), cell(runner, "magicnet+labels")
    assert runner.settings(first) != runner.settings(second)
    assert runner.folder(second).name.endswith(runner.settings(second))


def test_a_stopped_runner_begins_nothing_and_keeps_what_is_finished(runner, row, tmp_path):
    stopped = Runner(runner.table, runner.data, tmp_path, 1, "abc", "", runner.datasets)
    stopped.stop()
    assert stopped.run(cell(runner, "mean_teacher+labels")) is None
    assert not any(Path(tmp_path).glob("runs/*/results.json"))
    shutil.copytree(runner.work / "runs", tmp_path / "runs", dirs_exist_ok=True)
    assert stopped.run(cell(runner, "mean_teacher+labels")).dice == row.dice


def test_what_the_table_has_with_the_same_settings_is_not_run_again_elsewhere(runner, row, tmp_path):
    elsewhere = Runner(runner.table, runner.data, tmp_path, 1, "newer", "", runner.datasets)
    wanted = cell(runner, "mean_teacher+labels")
    write_rows(tmp_path / "runs.json", [row])
    options = argparse.Namespace(output=tmp_path, again=False)
    assert state_of(elsewhere, wanted, table_rows(options)) == IN_TABLE
    assert state_of(elsewhere, cell(runner, "magicnet"), table_rows(options)) == TO_DO
    assert state_of(runner, wanted, table_rows(options)) == DONE
    assert state_of(elsewhere, wanted, table_rows(argparse.Namespace(output=tmp_path, again=True))) == TO_DO
    write_rows(tmp_path / "runs.json", [replace(row, settings="others")])
    assert state_of(elsewhere, wanted, table_rows(options)) == TO_DO


def test_a_method_that_this_version_lacks_is_named_as_missing(runner):
    assert cell(runner, "no_such_method").configuration.missing
    assert not cell(runner, "mean_teacher").configuration.missing
