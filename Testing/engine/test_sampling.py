"""Which share of a batch is unlabeled, step by step."""

from __future__ import annotations

import math

import pytest

from CFRTrain.retraining.sampling import unlabeled_items
from CFRTrain.training.schedules import restarting_cosine


def changes(rule: str, transition: int, total: int, items: int) -> list[tuple[int, int]]:
    """Every step at which the number of unlabeled items changes, with the new number."""
    counts = [unlabeled_items(rule, step, transition, total, items) for step in range(total)]
    return [
        (step, after) for step, (before, after) in enumerate(zip(counts, counts[1:], strict=False), 1)
        if before != after
    ]  # fmt: skip


def test_the_official_rule_changes_where_the_released_code_does():
    assert changes("official", 500, 4000, 5) == [(1200, 1), (1900, 2), (2600, 3), (3300, 4)]


def test_the_official_rule_is_the_same_in_steps_of_eight_per_epoch():
    assert changes("official", 4000, 32000, 5) == [(9600, 1), (15200, 2), (20800, 3), (26400, 4)]


def test_the_rate_rule_changes_where_the_cosine_has_lost_another_fifth():
    """lr = (1 + cos(pi x)) / 2, so n of 5 items are unlabeled from x = acos(1 - 2 n / 5) / pi on."""
    expected = [(500 + math.ceil(3500 * math.acos(1 - 2 * n / 5) / math.pi), n) for n in (1, 2, 3, 4)]
    assert expected == [(1534, 1), (2026, 2), (2475, 3), (2967, 4)]
    assert changes("rate", 500, 4000, 5) == expected


@pytest.mark.parametrize("rule", ["official", "rate"])
@pytest.mark.parametrize(("transition", "total", "items"), [(0, 10, 2), (3, 7, 4), (1, 6, 1), (9, 9, 3)])
def test_one_labeled_item_always_stays_and_there_are_none_before_the_transition(
    rule, transition, total, items
):
    counts = [unlabeled_items(rule, step, transition, total, items) for step in range(total)]
    assert counts[:transition] == [0] * transition
    assert counts == sorted(counts) and all(0 <= count <= items - 1 for count in counts)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="official, rate"):
        unlabeled_items("random", 0, 0, 1, 2)


def test_the_learning_rate_rises_falls_to_nothing_and_starts_again():
    """M&N's epochs: warm-up from 1 % in 50, to 0 at 500, again from the base rate to 0 at 4000."""
    factors = {
        step: restarting_cosine(step, 4000, 500, 50) for step in (0, 25, 50, 275, 499, 500, 2250, 3999)
    }
    assert factors[0] == pytest.approx(0.01)
    assert factors[25] == pytest.approx(0.505)
    assert factors[50] == 1.0
    assert factors[275] == pytest.approx(0.5)
    assert 0 < factors[499] < 1e-4
    assert factors[500] == 1.0
    assert factors[2250] == pytest.approx(0.5)
    assert 0 < factors[3999] < 1e-6


def test_without_a_restart_there_is_one_cosine_after_the_warm_up():
    assert restarting_cosine(0, 100, 0, 10) == pytest.approx(0.01)
    assert restarting_cosine(55, 100, 0, 10) == pytest.approx(0.5)
