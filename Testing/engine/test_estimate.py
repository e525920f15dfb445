"""Estimates of time and memory: what runs side by side is counted so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from CFRTrain.runs.job import ClassSpec, changed, preset
from CFRTrain.stages.estimate import atlas_seconds, labeler_trainings, memory_estimate, training_seconds


def context(threads: int, unlabeled: int, labeled: int = 1, **changes: object) -> SimpleNamespace:
    job = changed(preset("preview", (ClassSpec(1, "organ"),)), {"threads": threads, **changes})
    ids = {"labeled": ("a",) * labeled, "unlabeled": ("b",) * unlabeled}
    plan = SimpleNamespace(median_shape=(36, 50, 36), patch_zyx=(32, 48, 32))
    return SimpleNamespace(job=job, ids=lambda role: ids[role], planned=lambda: plan)


def test_registrations_of_several_cases_share_the_threads():
    assert atlas_seconds(context(4, 8)) == atlas_seconds(context(1, 8)) / 4
    assert atlas_seconds(context(4, 1)) == atlas_seconds(context(1, 1))
    assert atlas_seconds(context(1, 8, labeled=3)) == 3 * atlas_seconds(context(1, 8))


def test_folds_of_a_calibration_and_promoted_rounds_are_trainings_of_the_labeler():
    calibrated = {"calibration.temperature": "one", "calibration.folds": 3}
    assert labeler_trainings(context(1, 8)) == 1
    assert labeler_trainings(context(1, 8, labeled=1, **calibrated)) == 1
    assert labeler_trainings(context(1, 8, labeled=2, **calibrated)) == 1 + 2
    promoted = {"promotion.confidence": 0.98, "retrain.rounds": 3}
    assert labeler_trainings(context(1, 8, labeled=4, **calibrated, **promoted)) == 1 + 3 + 2


@pytest.mark.parametrize("name", ["cps", "caussl"])
def test_a_method_with_two_networks_takes_twice_the_time_and_memory_of_one(name):
    one, two = (context(1, 8, method=method) for method in ("mean_teacher", name))
    assert training_seconds(two) == 2 * training_seconds(one)
    assert memory_estimate(two) == 2 * memory_estimate(one)
