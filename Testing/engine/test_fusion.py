"""Fusion of labelers, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.labelers.base import PseudoLabel, PseudoLabelCache, entropy_confidence
from CFRTrain.labelers.fusion import FusionLabeler, fuse, member_agreement
from CFRTrain.runs.errors import DataError


def voxel(*probabilities: float) -> np.ndarray:
    """Probabilities (C,1,1,1) of a single voxel."""
    return np.array(probabilities, np.float32)[:, None, None, None]


class FixedLabeler:
    name = "fixed"

    def __init__(self, probabilities: np.ndarray) -> None:
        self.pseudo = PseudoLabel(probabilities)
        self.prepared = False

    def prepare(self) -> None:
        self.prepared = True

    def label(self, case_id: str) -> PseudoLabel:
        return self.pseudo


def test_the_arithmetic_pool_is_the_weighted_mean():
    fused = fuse([voxel(0.6, 0.4), voxel(0.1, 0.9)], (0.75, 0.25))
    assert np.allclose(fused.ravel(), (0.475, 0.525), atol=1e-6)


def test_the_logarithmic_pool_is_the_normalized_weighted_product():
    fused = fuse([voxel(0.6, 0.4), voxel(0.1, 0.9)], (0.5, 0.5), "logarithmic")
    product = np.sqrt([0.06, 0.36])
    assert np.allclose(fused.ravel(), product / product.sum(), atol=1e-6)


def test_one_certain_mistake_does_not_veto_in_the_logarithmic_pool():
    fused = fuse([voxel(1.0, 0.0), voxel(0.0, 1.0), voxel(0.05, 0.95)], (1 / 3,) * 3, "logarithmic")
    assert fused[1] > 0.5 and np.isfinite(fused).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5), st.sampled_from(["arithmetic", "logarithmic"]))
def test_fused_probabilities_sum_to_one_and_agreeing_members_stay(seed, classes, pool):
    generator = np.random.default_rng(seed)
    opinions = [generator.dirichlet(np.ones(classes), (2, 2, 2)).T.astype(np.float32) for _ in range(3)]
    fused = fuse(opinions, (0.5, 0.3, 0.2), pool)
    assert np.allclose(fused.sum(0), 1, atol=1e-5)
    assert np.allclose(
        fuse([np.maximum(opinions[0], 1e-3)] * 2, (0.5, 0.5), pool).argmax(0), opinions[0].argmax(0)
    )


def test_agreement_is_the_weight_of_those_who_agree_with_the_result():
    opinions = [voxel(0.1, 0.9), voxel(0.2, 0.8), voxel(0.6, 0.4)]
    fused = fuse(opinions, (0.5, 0.25, 0.25))
    assert member_agreement(opinions, fused, (0.5, 0.25, 0.25)).item() == pytest.approx(0.75)


def test_the_confidence_is_that_of_the_fused_probabilities_times_the_agreement():
    members = [FixedLabeler(voxel(0.1, 0.9)), FixedLabeler(voxel(0.7, 0.3))]
    fused = voxel(0.4, 0.6)
    plain = FusionLabeler(members, agreement=False).label("a")
    scaled = FusionLabeler(members).label("a")
    assert plain.confidence.item() == pytest.approx(entropy_confidence(fused).item(), abs=1e-6)
    assert scaled.confidence.item() == pytest.approx(0.5 * plain.confidence.item(), abs=1e-6)


def test_a_member_with_more_weight_wins():
    members = [FixedLabeler(voxel(0.2, 0.8)), FixedLabeler(voxel(0.8, 0.2))]
    assert FusionLabeler(members, weights=(3, 1)).label("a").labels.item() == 1
    assert FusionLabeler(members, weights=(1, 3)).label("a").labels.item() == 0


def test_members_may_be_caches_and_are_prepared_otherwise(tmp_path):
    cache, labeler = PseudoLabelCache(tmp_path), FixedLabeler(voxel(0.2, 0.8))
    cache.save("a", PseudoLabel(voxel(0.6, 0.4)))
    fusion = FusionLabeler([cache, labeler])
    fusion.prepare()
    assert labeler.prepared
    assert np.allclose(fusion.label("a").probabilities.ravel(), (0.4, 0.6), atol=0.005)


def test_a_cache_without_the_case_is_reported_with_it(tmp_path):
    with pytest.raises(DataError, match="case_0003"):
        FusionLabeler([PseudoLabelCache(tmp_path)]).label("case_0003")


def test_members_on_different_grids_are_refused():
    members = [FixedLabeler(np.full((2, 3, 3, 3), 0.5, np.float32)), FixedLabeler(voxel(0.5, 0.5))]
    with pytest.raises(ValueError, match="different grids"):
        FusionLabeler(members).label("a")


@pytest.mark.parametrize(("count", "weights"), [(0, None), (2, (1,)), (2, (1, 0))])
def test_senseless_members_or_weights_are_refused(count, weights):
    with pytest.raises(ValueError, match="member"):
        FusionLabeler([FixedLabeler(voxel(0.5, 0.5))] * count, weights=weights)
