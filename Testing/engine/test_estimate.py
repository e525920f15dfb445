"""Estimates of time: what runs side by side is counted so."""

from __future__ import annotations

from types import SimpleNamespace

from CFRTrain.runs.job import ClassSpec, changed, preset
from CFRTrain.stages.estimate import atlas_seconds


def context(threads: int, unlabeled: int, labeled: int = 1) -> SimpleNamespace:
    job = changed(preset("preview", (ClassSpec(1, "organ"),)), {"threads": threads})
    ids = {"labeled": ("a",) * labeled, "unlabeled": ("b",) * unlabeled}
    plan = SimpleNamespace(median_shape=(36, 50, 36))
    return SimpleNamespace(job=job, ids=lambda role: ids[role], planned=lambda: plan)


def test_registrations_of_several_cases_share_the_threads():
    assert atlas_seconds(context(4, 8)) == atlas_seconds(context(1, 8)) / 4
    assert atlas_seconds(context(4, 1)) == atlas_seconds(context(1, 1))
    assert atlas_seconds(context(1, 8, labeled=3)) == 3 * atlas_seconds(context(1, 8))
