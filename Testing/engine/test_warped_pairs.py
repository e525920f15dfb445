"""Warped pairs: image and label move together, drawn by the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.warped_pairs import WarpedPairs, match_histogram, pairs_from_atlas
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.events import read_events
from Testing.engine.cohort import Cohort, mean_dice


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return Cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def atlas(cohort):
    return AtlasLabeler(*cohort.arguments())


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_image_and_label_move_together(cohort, atlas):
    """Where the image shows the label itself, it still does after warping."""
    label = (cohort.labels["case_0001"] > 0).astype(np.uint8)
    geometry = cohort.store.geometry("case_0001")
    transform = atlas.transform("case_0002", "case_0001")
    other = Cohort(cohort.run.root / "other")
    other.store.put("case_0001", label.astype(np.float32), label, geometry, geometry)
    pairs = WarpedPairs(other.store, [("case_0001", "case_0002")], lambda *_: transform, atlas.spacing, 1)
    image, warped = pairs.sample(generator(0))
    assert image.shape == warped.shape == cohort.labels["case_0002"].shape
    assert warped.dtype == np.uint8 and image.dtype == np.float32
    assert np.array_equal(image > 0.5, warped == 1)
    assert not np.array_equal(warped, label)


def test_a_pair_takes_the_shape_of_the_other_case(cohort, atlas):
    pairs = pairs_from_atlas(atlas, ["case_0002"], cohort.run)
    image, label = pairs.sample(generator(0))
    assert mean_dice(label, cohort.labels["case_0002"]) > 0.85
    assert np.corrcoef(image.ravel(), cohort.store.image("case_0002").ravel())[0, 1] > 0.9


def test_the_same_generator_state_gives_the_same_pairs(cohort, atlas):
    options = {"strength": (0.3, 1.2), "match_intensity": 0.5}
    first = pairs_from_atlas(atlas, cohort.ids, cohort.run, **options)
    second = pairs_from_atlas(AtlasLabeler(*cohort.arguments()), cohort.ids, cohort.run, **options)
    second.sample(generator(9))
    for seed in range(4):
        for one, other in zip(first.sample(generator(seed)), second.sample(generator(seed)), strict=True):
            assert np.array_equal(one, other)


def test_different_states_reach_every_shape(cohort, atlas):
    pairs = pairs_from_atlas(atlas, cohort.ids, cohort.run)
    assert [combination[1] for combination in pairs.combinations] == cohort.ids[1:]
    labels = {pairs.sample(generator(seed))[1].tobytes() for seed in range(30)}
    assert len(labels) == 3


def test_memory_is_bounded_and_arrays_cannot_be_changed(cohort, atlas):
    pairs = pairs_from_atlas(atlas, cohort.ids, cohort.run)
    size = sum(array.nbytes for array in pairs.sample(generator(0)))
    pairs.byte_limit = 2 * size
    for seed in range(20):
        image, label = pairs.sample(generator(seed))
        assert pairs._bytes() <= 2 * size
        assert not image.flags.writeable and not label.flags.writeable


def test_a_target_that_cannot_be_registered_is_a_warning(tmp_path):
    cohort = Cohort(tmp_path)
    (cohort.run.root / "store" / "case_0003" / "image.npy").write_bytes(b"broken")
    pairs = pairs_from_atlas(AtlasLabeler(*cohort.arguments()), cohort.ids, cohort.run)
    assert [target for _, target in pairs.combinations] == ["case_0002", "case_0004"]
    warnings = [
        event for event in read_events(cohort.run.root / "events.jsonl")[0] if event["type"] == "warning"
    ]
    assert len(warnings) == 1 and "case_0003" in warnings[0]["text"]


def test_registering_for_pairs_can_be_stopped(tmp_path):
    cohort = Cohort(tmp_path)
    cohort.run.request_stop()
    with pytest.raises(StopRequested):
        pairs_from_atlas(AtlasLabeler(*cohort.arguments()), cohort.ids, cohort.run)


def test_only_labeled_cases_give_no_pairs(cohort, atlas):
    assert pairs_from_atlas(atlas, cohort.labeled, cohort.run) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5.0), st.floats(-3, 3))
def test_a_matched_histogram_undoes_a_monotonic_change(seed, scale, shift):
    image = np.random.default_rng(seed).normal(size=(6, 7, 8)).astype(np.float32)
    changed = image * scale + shift
    assert np.allclose(match_histogram(changed, image), image, atol=1e-3)


def test_a_flat_image_can_be_matched():
    reference = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    assert np.isfinite(match_histogram(np.zeros((3, 3, 3), np.float32), reference)).all()
