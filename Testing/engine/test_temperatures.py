"""Temperatures and calibration figures against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from CFRTrain.labelers.temperatures import (
    brier_score,
    expected_calibration_error,
    fit_temperatures,
    tempered,
)


def repeated(certainties: list[float], right: list[int], of: int) -> tuple[np.ndarray, np.ndarray]:
    """Two-class predictions: of each certainty `of` voxels of class 1, of which `right` are truly 1."""
    foreground = np.repeat(certainties, of)
    labels = np.concatenate([np.arange(of) < count for count in right]).astype(int)
    return np.stack([1 - foreground, foreground]).astype(np.float32), labels


def test_a_temperature_of_two_takes_the_root_of_the_odds():
    found = tempered(np.array([[0.2], [0.8]], np.float32), np.array([2.0, 2.0]))
    assert found[:, 0] == pytest.approx([1 / 3, 2 / 3], abs=1e-6)


def test_temperatures_per_class_scale_the_logarithms_of_each():
    found = tempered(np.array([[0.5], [0.3], [0.2]], np.float32), np.array([1.0, 2.0, 0.5]))
    powers = np.array([0.5, math.sqrt(0.3), 0.2**2])
    assert found[:, 0] == pytest.approx(powers / powers.sum(), rel=1e-5)


def test_a_temperature_of_one_changes_nothing_and_certain_voxels_stay_finite():
    certain = np.array([[1.0, 0.3], [0.0, 0.7]], np.float32)
    assert tempered(certain, np.ones(2)) == pytest.approx(certain, abs=2e-6)
    assert np.isfinite(tempered(certain, np.full(2, 0.1))).all()


def test_the_fit_makes_the_certainty_the_accuracy():
    probabilities, labels = repeated([0.9], [75], 100)
    temperatures = fit_temperatures(probabilities, labels, per_class=False)
    assert temperatures == pytest.approx([math.log(9) / math.log(3)] * 2, rel=1e-3)  # odds of 9 become 3
    assert tempered(probabilities, temperatures)[1] == pytest.approx(0.75, abs=1e-3)


def test_a_labeler_that_is_too_modest_gets_a_temperature_below_one():
    probabilities, labels = repeated([0.6], [90], 100)
    assert fit_temperatures(probabilities, labels, per_class=False)[0] == pytest.approx(
        math.log(1.5) / math.log(9), rel=1e-3
    )


def test_what_is_calibrated_keeps_its_temperatures():
    probabilities, labels = repeated([0.6, 0.8, 0.95], [60, 80, 95], 100)
    for per_class in (False, True):
        assert fit_temperatures(probabilities, labels, per_class) == pytest.approx([1, 1], abs=0.02)


def test_per_class_temperatures_fit_no_worse_than_one():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([0.3, 0.5, 0.4], 500).T.astype(np.float32)
    labels = np.array([generator.choice(3, p=p / p.sum()) for p in (probabilities**0.5).T])

    def loss(temperatures):
        return -np.log(tempered(probabilities, temperatures)[labels, np.arange(500)]).mean()

    one, each = (fit_temperatures(probabilities, labels, per_class) for per_class in (False, True))
    assert len(set(one)) == 1 and loss(each) <= loss(one) + 1e-6 < loss(np.ones(3))


def test_the_calibration_error_of_two_bins():
    probabilities, labels = repeated([0.9, 0.6], [6, 6], 10)
    assert expected_calibration_error(probabilities, labels) == pytest.approx((0.3 + 0.0) / 2, abs=1e-6)


def test_opposite_errors_in_one_bin_cancel_and_in_two_do_not():
    probabilities, labels = repeated([0.95, 0.96], [100, 91], 100)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.0, abs=1e-6)
    probabilities, labels = repeated([0.95, 0.85], [100, 80], 100)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.05, abs=1e-6)


def test_the_brier_score_of_three_voxels():
    probabilities = np.array([[0.8, 0.3, 1.0], [0.2, 0.7, 0.0]], np.float32)
    expected = (2 * 0.2**2 + 2 * 0.7**2 + 0.0) / 3
    assert brier_score(probabilities, np.array([0, 0, 0])) == pytest.approx(expected, rel=1e-5)
