"""Memory of a training: bounded by what its caches may hold, not by the number of cases."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from CFRTrain.data.geometry import Geometry
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import PseudoLabel, PseudoLabelCache
from CFRTrain.labelers.warped_pairs import WarpedPairs
from CFRTrain.retraining.batches import BatchBuilder, BatchOptions
from CFRTrain.retraining.sources import RecentPseudoLabels
from CFRTrain.runs import machine

SHAPE = (48, 64, 64)
IMAGE_BYTES = 4 * 48 * 64 * 64
LIMIT = 2 * IMAGE_BYTES


@pytest.mark.parametrize(
    ("free", "limit"),
    [(None, 1 << 30), (100 << 20, 64 << 20), (4 << 30, 256 << 20), (1 << 40, 1 << 30)],
)
def test_a_cache_may_hold_a_sixteenth_of_the_free_memory(monkeypatch, tmp_path, free, limit):
    monkeypatch.setattr(machine, "memory_bytes", lambda: (free, free))
    assert machine.cache_limit() == limit
    assert CaseStore(tmp_path).byte_limit == RecentPseudoLabels(None)._limit == limit
    assert WarpedPairs(None, [("a", "b")], None, (1, 1, 1), 1).byte_limit == limit


def peak_of_training(folder: Path, count: int) -> int:
    """Peak bytes of making the batches of a training that meets every one of `count` cases."""
    store, grid = CaseStore(folder / "store", LIMIT), Geometry(SHAPE, (1.0, 1.0, 1.0))
    cache = PseudoLabelCache(folder / "labels")
    label = np.zeros(SHAPE, np.uint8)
    label[20:30, 20:30, 20:30] = 1
    cases = [f"c{index}" for index in range(count)]
    for case in cases:
        store.put(case, label * np.float32(2), label, grid, grid)
        cache.save(case, PseudoLabel.from_labels(label, 1))
    options = BatchOptions(
        (16, 16, 16), (1.0, 1.0, 1.0), labeled=1, unlabeled=2, spatial=None, intensity=None
    )
    batches = BatchBuilder(store, cases[:1], cases[1:], cache, options, seed=0, device=torch.device("cpu"))
    batches.pseudo = RecentPseudoLabels(cache, LIMIT)
    tracemalloc.start()
    for step in range(3 * count):
        batches.batch(step, step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_working_set_does_not_grow_with_the_number_of_cases(tmp_path):
    few, many = (peak_of_training(tmp_path / str(count), count) for count in (6, 24))
    assert many < few + IMAGE_BYTES / 4
    assert LIMIT < many < 2 * LIMIT + 20 * IMAGE_BYTES
