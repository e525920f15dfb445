"""What the 2D model of a co-training adds to the estimates: counted by hand, and beside a measured run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from CFRTrain.labelers.sam_planar import build_sam_planar
from CFRTrain.pipeline import Pipeline, run_all
from CFRTrain.retraining.planar.base import SliceWise
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.retraining.turns import Turns
from CFRTrain.runs.job import MN
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.stages.disk_space import disk_need
from CFRTrain.stages.estimate import estimate, training_seconds
from CFRTrain.stages.planar_estimate import patch_cost, planar_cost
from CFRTrain.stages.sam_estimate import decoder_multiplications, multiplications
from Testing.engine.cohort import Cohort
from Testing.engine.tiny_run import tiny_run

PATCH = (8, 48, 64)


def test_multiplications_and_kept_activations_of_two_convolutions_are_those_counted_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1))
    found = patch_cost(SliceWise(network, axis=0), (2, 8, 8))
    pixels = 2 * 8 * 8
    assert found.multiplications == pixels * (9 * 1 * 4 + 4 * 3)
    # the first layer's input, and what the ReLU gives, which the last layer takes
    assert found.activation_bytes == 4 * pixels * (1 + 4)


def test_patches_learned_and_answered_follow_the_turns():
    """80 steps, 10 of them warm, turns of 4, the 2D model first: 36 and 34 steps of their own."""
    solid, planar = Turns(MN(transition=0.125, steps_per_turn=4), 80).work(3, 2)
    assert (planar.learned, solid.learned) == (5 * (10 + 36), 5 * (10 + 34))
    planar_steps = [step for step in range(10, 80) if (step - 10) % 8 < 4]
    assert solid.answered == sum((step - 10) // 14 for step in planar_steps)
    assert planar.answered == sum((step - 10) // 14 for step in range(10, 80)) - solid.answered


def test_without_unlabeled_cases_nothing_is_answered():
    solid, planar = Turns(MN(transition=0.0, steps_per_turn=0), 10).work(3, 0)
    assert (solid.learned, solid.answered, planar.learned, planar.answered) == (30, 0, 30, 0)


def context_of(cohort: Cohort, job, plan) -> SimpleNamespace:
    """What the estimates ask for, of a run without a labeler."""
    ids = {"labeled": cohort.labeled, "unlabeled": tuple(cohort.ids[1:])}
    return SimpleNamespace(job=job, ids=lambda role: ids[role], planned=lambda: plan, run=cohort.run)


def test_the_estimate_of_a_training_is_what_it_takes_to_a_factor_of_three(tmp_path):
    cohort = Cohort(tmp_path, count=3)
    retrain = replace(cohort.job.retrain, steps=6, width=8, levels=3, pairs=0.0)
    job = replace(cohort.job, method="mn", labeler="none", retrain=retrain, threads=1)
    job = replace(job, mn=MN(transition=0.25, steps_per_turn=1))
    plan = replace(cohort.plan, patch_zyx=PATCH)
    stage = Retrainer(job, plan, cohort.store, cohort.labeled, cohort.ids[1:], None, RunFolder(tmp_path))
    stage.step(0)  # the first one prepares kernels
    start = time.process_time()
    for step in range(6):
        stage.step(step)
    taken = time.process_time() - start
    context = context_of(cohort, job, plan)
    solid, planar = training_seconds(context), planar_cost(context).seconds
    assert planar > 0.2 * solid
    assert 1 / 3 < taken / (solid + planar) < 3


def test_of_a_sam_as_many_multiplications_are_counted_as_the_formula_of_the_labeler_s_sam_gives(tmp_path):
    cohort = Cohort(tmp_path)
    plan = replace(cohort.plan, patch_zyx=PATCH)
    made = build_sam_planar(replace(cohort.job, method="mn", mn=MN(model="sam")), plan, tmp_path, seed=0)
    sam, canvas = made.module.sam.architecture, made.module.sam_input.canvas
    # the formula leaves out that the fused attention's keys also hold their row and column
    formula = multiplications(sam, canvas) + decoder_multiplications(sam, canvas)
    assert patch_cost(made.module, PATCH).multiplications == pytest.approx(1.2 * formula, rel=0.2)


def test_the_2d_model_is_part_of_seconds_memory_and_checkpoints(tmp_path):
    changes = {"labeler": "none", "retrain.steps": 4, "mn.width": 32, "plan.patch_zyx": (8, 32, 32)}
    context = {}
    for method in ("mn", "mean_teacher"):
        pipeline = Pipeline(tiny_run(tmp_path / method, method=method, **changes))
        pipeline.check()
        context[method] = pipeline.context
    found = {method: estimate(one) for method, one in context.items()}
    assert found["mn"].seconds > found["mean_teacher"].seconds
    planar = planar_cost(context["mn"])
    assert found["mn"].memory_bytes - found["mean_teacher"].memory_bytes == planar.memory_bytes
    need = disk_need(context["mn"])["checkpoints"]
    run_all(context["mn"].run)
    assert need > 12 * planar.trainable > 20_000_000
    assert 0.5 < written(tmp_path / "mn" / "checkpoints") / need < 1.5


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
