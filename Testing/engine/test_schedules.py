"""Learning rates and loss weights against values computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from CFRTrain.training.schedules import cosine, decay, gaussian_ramp, learning_rate_factor, poly, step_decay


@pytest.mark.parametrize(("step", "weight"), [(0, 0.000674), (3000, 0.02865), (6000, 0.1), (9000, 0.1)])
def test_the_ramp_has_the_papers_values(step, weight):
    assert gaussian_ramp(step, 0.1, 40) == pytest.approx(weight, rel=1e-3)


def test_the_ramp_rises_only_every_150_steps():
    assert gaussian_ramp(149, 0.1, 40) == gaussian_ramp(0, 0.1, 40) < gaussian_ramp(150, 0.1, 40)


def test_a_ramp_without_length_is_the_full_weight():
    assert gaussian_ramp(0, 0.1, 0) == 0.1


def test_poly_is_one_at_the_start_and_zero_at_the_end():
    assert poly(0, 6000) == 1.0
    assert poly(3000, 6000) == pytest.approx(0.5**0.9)
    assert poly(6000, 6000) == poly(7000, 6000) == 0.0


def test_the_step_schedule_divides_by_ten_every_2500_of_6000_steps():
    factors = [learning_rate_factor("step", step, 6000) for step in (0, 2499, 2500, 4999, 5000)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert step_decay(7, every=5, factor=0.5) == 0.5


def test_cosine_halves_in_the_middle():
    assert cosine(0, 100) == 1.0
    assert cosine(50, 100) == pytest.approx(0.5)
    assert cosine(100, 100) == pytest.approx(0.0)


def test_warm_up_rises_linearly_and_then_shifts_the_schedule():
    assert learning_rate_factor("poly", 0, 6000, warmup=250) == pytest.approx(1 / 250)
    assert learning_rate_factor("poly", 124, 6000, warmup=250) == pytest.approx(0.5)
    assert learning_rate_factor("poly", 250, 6000, warmup=250) == 1.0
    assert learning_rate_factor("poly", 3125, 6000, warmup=250) == pytest.approx(poly(2875, 5750))


def test_the_pseudo_label_weight_decays_as_the_job_says():
    assert [decay("none", step, 10) for step in (0, 5, 10)] == [1, 1, 1]
    assert [decay("linear", step, 10) for step in (0, 5, 10)] == [1, 0.5, 0]
    assert decay("cosine", 2, 10) == pytest.approx(0.5 * (1 + math.cos(math.pi / 5)))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="sawtooth"):
        learning_rate_factor("sawtooth", 0, 10)
    with pytest.raises(ValueError, match="sawtooth"):
        decay("sawtooth", 0, 10)


@given(
    kind=st.sampled_from(["poly", "cosine", "step"]),
    total=st.integers(1, 5000),
    step=st.integers(0, 6000),
    warmup=st.integers(0, 300),
)
def test_every_schedule_stays_between_zero_and_one(kind, total, step, warmup):
    assert 0.0 <= learning_rate_factor(kind, step, total, warmup) <= 1.0
