"""Thresholds per class: quantiles counted by hand, and which voxels reach them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from CFRTrain.retraining.sources import RecentPseudoLabels
from CFRTrain.retraining.thresholds import LEVELS, above_threshold, certainty_counts, class_thresholds


def counts_of(*levels: list[int]) -> np.ndarray:
    """Counts (C, 256) of classes whose voxels have these levels."""
    return np.stack([np.bincount(row, minlength=LEVELS) for row in levels])


def test_two_of_five_voxels_may_lie_below_the_threshold_for_a_share_of_0_4():
    found = class_thresholds(counts_of([], [100, 150, 200, 250, 255]), 0.4)
    assert found == (0.0, 199.5 / 255)
    assert class_thresholds(counts_of([], [100, 150, 200, 250, 255]), 0.39)[1] == 149.5 / 255


def test_equal_voxels_stay_together_and_the_share_is_never_exceeded():
    assert class_thresholds(counts_of([], [200, 200, 200, 255]), 0.5)[1] == 199.5 / 255


def test_nothing_is_ignored_with_a_share_of_zero():
    assert class_thresholds(counts_of([90, 250], [130, 140]), 0.0) == (89.5 / 255, 129.5 / 255)


def test_classes_have_thresholds_of_their_own():
    found = class_thresholds(counts_of([180, 240, 250, 250], [90, 120, 130, 140]), 0.25)
    assert found == (239.5 / 255, 119.5 / 255)


def test_certain_background_is_not_counted_but_certain_structures_are():
    found = class_thresholds(counts_of([150, 200, *[255] * 98], [150, 200, *[255] * 98]), 0.5)
    assert found == (199.5 / 255, 254.5 / 255)


def test_a_class_that_is_nowhere_has_no_threshold():
    assert class_thresholds(counts_of([255], [], [200]), 0.2) == (0.0, 0.0, 199.5 / 255)


def test_certainties_are_counted_over_all_cases():
    volumes = {
        "a": np.array([[1.0, 0.4], [0.0, 0.6]], np.float32).reshape(2, 1, 1, 2),
        "b": np.array([[0.2], [0.8]], np.float32).reshape(2, 1, 1, 1),
    }

    class Source:
        def load(self, case_id):
            return SimpleNamespace(
                probabilities=volumes[case_id], confidence=np.ones(volumes[case_id].shape[1:])
            )

    counts = certainty_counts(RecentPseudoLabels(Source(), byte_limit=0), ["a", "b"])
    expected = np.zeros((2, 256), np.int64)
    expected[0, 255] = expected[1, 153] = expected[1, 204] = 1
    assert np.array_equal(counts, expected)


def test_a_voxel_counts_where_it_reaches_the_threshold_of_its_own_class():
    probabilities = torch.tensor([[0.9, 0.6, 0.1, 0.45], [0.1, 0.4, 0.9, 0.55]]).view(1, 2, 1, 1, 4)
    found = above_threshold(probabilities, (0.7, 0.5))
    assert found.flatten().tolist() == [True, False, True, True]
