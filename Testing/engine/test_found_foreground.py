"""Patches of unlabeled cases around what the 3D network finds in them (M&N's foreground-aware cropping)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from CFRTrain.pipeline import run_all
from CFRTrain.retraining.batches import BatchBuilder, BatchOptions
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import DataError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import MN
from CFRTrain.stages.found_foreground import FoundForeground
from CFRTrain.training.loop import train
from Testing.engine.cohort import SHAPE, Cohort
from Testing.engine.method_tools import PATCH
from Testing.engine.tiny_run import tiny_run

PAPER = (0.125, 0.25, 0.375, 0.5, 0.75)


class Bright(nn.Module):
    """Finds class 1 where the image is above a threshold; counts the windows that it saw."""

    def __init__(self, threshold: float = 1.0) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(image), image - self.threshold], dim=1)


def finder(cohort: Cohort) -> FoundForeground:
    return FoundForeground(cohort.store, cohort.ids[1:], PATCH, 0.5, cohort.run)


def files(cohort: Cohort, step: int) -> list[Path]:
    return sorted((cohort.run.root / "foreground" / f"step-{step:08d}").glob("*.npz"))


def warnings(root: Path) -> list[str]:
    return [event["code"] for event in read_events(root / "events.jsonl", 0)[0] if event["type"] == "warning"]


def test_what_a_network_finds_in_every_unlabeled_volume_is_kept_and_not_found_again(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    first = finder(cohort)
    first.as_of(None, Bright(), 0)
    assert first.labels(cohort.ids[1]) is None
    first.as_of(5, Bright(), 5)
    again = finder(cohort)
    again.as_of(5, Bright(threshold=9.0), 8)
    for case in cohort.ids[1:]:
        truth = (cohort.store.image(case) > 1.0).astype(np.uint8)
        assert truth.any() and np.array_equal(first.labels(case), truth)
        assert np.array_equal(again.labels(case), truth)
    assert len(files(cohort, 5)) == 2 and not warnings(tmp_path)


def test_a_lost_file_is_found_anew_with_a_warning_and_a_damaged_one_names_its_case(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    finder(cohort).as_of(5, Bright(), 5)
    lost, kept = files(cohort, 5)
    lost.write_bytes(b"PK damaged")
    after = finder(cohort)
    after.as_of(5, Bright(threshold=9.0), 7)
    assert not after.labels(lost.stem).any() and after.labels(kept.stem).any()
    assert warnings(tmp_path) == ["foreground_again"]
    kept.write_bytes(kept.read_bytes()[:60])
    with pytest.raises(DataError) as caught:
        after.labels(kept.stem)
    assert caught.value.case == kept.stem


def test_half_of_the_patches_are_centered_on_a_structure_that_was_found(tmp_path):
    """Of a small structure in a corner, an eighth of random patches shows the middle voxel or less."""
    cohort = Cohort(tmp_path, count=2)
    found = np.zeros(SHAPE, np.uint8)
    found[2:4, 2:4, 2:4] = 1

    class Corner:
        def as_of(self, look, network, step):
            """Nothing to look at."""

        def labels(self, case_id):
            return found

    options = BatchOptions(PATCH, (1.0, 1.0, 1.0), 1, 4, spatial=None, intensity=None)
    starts: dict[str, list[bool]] = {}
    for name, source in (("with", Corner()), ("without", None)):
        builder = BatchBuilder(
            cohort.store,
            cohort.labeled,
            cohort.ids[1:],
            None,
            options,
            seed=0,
            device="cpu",
            foreground=source,
        )
        inner, seen = builder._start, []
        builder._start = lambda image, labels, generator, inner=inner, seen=seen: (
            seen.append((labels is found, inner(image, labels, generator))) or seen[-1][1]
        )
        for step in range(60):
            builder.batch(step, step)
        unlabeled = [start for index, (_, start) in enumerate(seen) if index % 5]
        # patches of 8 with a margin of 1 hold the corner where they begin at voxel 2 or before
        starts[name] = [all(first + 1 <= 2 for first in start) for start in unlabeled]
    assert 0.45 < np.mean(starts["with"]) < 0.6
    assert np.mean(starts["without"]) < 0.1


def stage(cohort: Cohort, steps: int, shares=(0.25, 0.625)) -> Retrainer:
    retrain = replace(
        cohort.job.retrain, steps=steps, levels=3, batch_labeled=2, batch_unlabeled=1, pairs=0.0
    )
    mn = MN(width=4, transition=0.25, warmup=0.0, steps_per_turn=1, foreground_at=shares)
    job = replace(cohort.job, method="mn", labeler="none", retrain=retrain, mn=mn)
    plan, foreground = replace(cohort.plan, patch_zyx=PATCH), finder(cohort)
    data = (cohort.store, cohort.labeled, cohort.ids[1:], None, cohort.run)
    return Retrainer(job, plan, *data, foreground=foreground)


def test_looks_are_taken_at_the_shares_of_the_job_those_of_the_paper_among_them(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    method = stage(cohort, 4000, PAPER).trainee.method
    assert method.foreground_steps() == (500, 1000, 1500, 2000, 3000)
    trained = stage(cohort, 8)
    assert trained.trainee.method.foreground_steps() == (2, 5)
    train(trained, cohort.run, checkpoint_every=4, log_every=1)
    assert [len(files(cohort, step)) for step in range(8)] == [0, 0, 2, 0, 0, 2, 0, 0]


@pytest.mark.parametrize("lost", [(), (5,)], ids=["with the files", "killed before the second look"])
def test_a_training_goes_on_behind_a_look_to_the_same_bits(tmp_path, lost):
    cohort = Cohort(tmp_path, count=3)
    whole = stage(cohort, 8)
    train(whole, cohort.run, checkpoint_every=4, log_every=1)
    found = files(cohort, 5)[0].read_bytes()
    shutil.rmtree(tmp_path / "checkpoints" / "retrain" / "step-00000008")
    for step in lost:
        shutil.rmtree(tmp_path / "foreground" / f"step-{step:08d}")
    resumed = stage(cohort, 8)
    train(resumed, cohort.run, checkpoint_every=4, log_every=1)
    for key, module in whole.modules().items():
        assert weights_hash(module) == weights_hash(resumed.modules()[key]), key
    assert files(cohort, 5)[0].read_bytes() == found and not warnings(tmp_path)


def test_stopped_in_a_look_a_training_keeps_every_step(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    progress, events = cohort.run.events.progress, []
    cohort.run.events.progress = lambda phase, *more: events.append(phase) or progress(phase, *more)
    answer = cohort.run.stop_requested
    cohort.run.stop_requested = lambda: "foreground" in events
    with pytest.raises(StopRequested):
        train(stage(cohort, 8), cohort.run, checkpoint_every=100, log_every=1)
    cohort.run.stop_requested = answer
    assert [path.name for path in (tmp_path / "checkpoints" / "retrain").iterdir()] == ["step-00000002"]
    assert len(files(cohort, 2)) == 1


def test_after_a_restart_nothing_is_known_until_the_next_look(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    trained = stage(cohort, 8)
    trained.before_step(2)
    assert trained.batches.foreground.labels(cohort.ids[1]) is not None
    trained._restart(3)
    trained.before_step(3)
    assert trained.batches.foreground.labels(cohort.ids[1]) is None
    trained.before_step(5)
    assert len(files(cohort, 5)) == 2


@pytest.mark.parametrize("shares", [(0.5, 0.25), (0.5, 0.5), (0.0,), (1.0,)])
def test_shares_that_are_no_rising_parts_of_the_training_are_refused(shares):
    with pytest.raises(ValueError, match="rising shares"):
        MN(foreground_at=shares)


def test_a_run_looks_without_a_labeler_and_leaves_it_to_the_pseudo_labels_of_one(tmp_path):
    for labeler, looked in (("none", True), ("atlas", False)):
        changes = {"mn.foreground_at": (0.5,), "plan.patch_zyx": (8, 24, 24), "mn.width": 4}
        run = tiny_run(tmp_path / labeler, method="mn", labeler=labeler, **changes)
        run_all(run)
        found = list((run.root / "foreground").glob("step-00000002/*.npz"))
        assert len(found) == (3 if looked else 0)
