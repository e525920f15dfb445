"""Pseudo-labels, their cache, and the loop over cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.labelers.base import (
    CachedLabeler,
    PseudoLabel,
    PseudoLabelCache,
    case_uncertainty,
    entropy_confidence,
    label_all,
    quantize,
)
from CFRTrain.runs.errors import CFRError, DataError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.run_folder import RunFolder


def random_pseudo(seed: int = 0, classes: int = 2, shape=(5, 6, 7), sharpness: float = 3.0) -> PseudoLabel:
    logits = sharpness * np.random.default_rng(seed).normal(size=(classes + 1, *shape))
    weights = np.exp(logits)
    return PseudoLabel((weights / weights.sum(0)).astype(np.float32))


class CountingLabeler:
    """Gives each case a random pseudo-label, fails for the cases in `bad`, asks for a stop at `stop_at`."""

    name = "counting"

    def __init__(self, run: RunFolder, bad: tuple[str, ...] = (), stop_at: str | None = None) -> None:
        self.run, self.bad, self.stop_at = run, bad, stop_at
        self.labeled: list[str] = []
        self.prepared = 0

    def prepare(self) -> None:
        self.prepared += 1

    def label(self, case_id: str) -> PseudoLabel:
        if case_id in self.bad:
            raise ValueError("the volume is empty")
        self.labeled.append(case_id)
        if case_id == self.stop_at:
            self.run.request_stop()
        return random_pseudo(len(case_id))


def events_of(run: RunFolder) -> list[dict]:
    return read_events(run.root / "events.jsonl", 0)[0]


def test_confidence_is_one_minus_normalized_entropy():
    probabilities = np.zeros((3, 1, 1, 3), np.float32)
    probabilities[:, 0, 0, 0] = 1 / 3
    probabilities[:, 0, 0, 1] = (0, 1, 0)
    probabilities[:, 0, 0, 2] = (0.5, 0.5, 0)
    expected = [0, 1, 1 - np.log(2) / np.log(3)]
    assert np.allclose(entropy_confidence(probabilities)[0, 0], expected, atol=1e-6)


def test_agreement_scales_the_confidence():
    pseudo = random_pseudo()
    halved = PseudoLabel(pseudo.probabilities, np.full(pseudo.labels.shape, 0.5, np.float32))
    assert np.allclose(halved.confidence, 0.5 * pseudo.confidence)


def test_labels_become_a_certain_pseudo_label():
    labels = np.array([[[0, 1], [2, 255]]], np.uint8)
    pseudo = PseudoLabel.from_labels(labels, 2)
    assert pseudo.probabilities.shape == (3, 1, 2, 2)
    assert pseudo.labels.tolist() == [[[0, 1], [2, 0]]] and pseudo.labels.dtype == np.uint8
    assert (pseudo.confidence == 1).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.floats(0.0, 6.0))
def test_eight_bits_keep_every_label_and_nearly_every_probability(seed, classes, sharpness):
    pseudo = random_pseudo(seed, classes, (3, 4, 5), sharpness)
    stored = quantize(pseudo.probabilities).astype(np.float32)
    assert np.array_equal(stored.argmax(0), pseudo.labels)
    assert np.abs(stored / 255 - pseudo.probabilities).max() < 1.6 / 255


def test_the_cache_gives_back_what_was_saved(tmp_path):
    cache = PseudoLabelCache(tmp_path / "labels")
    agreement = np.random.default_rng(1).random((5, 6, 7), np.float32)
    pseudo = PseudoLabel(random_pseudo().probabilities, agreement)
    assert not cache.has("case_0001")
    cache.save("case_0001", pseudo)
    loaded = cache.load("case_0001")
    assert cache.has("case_0001")
    assert np.array_equal(loaded.labels, pseudo.labels)
    assert np.abs(loaded.probabilities - pseudo.probabilities).max() < 0.01
    assert np.abs(loaded.agreement - pseudo.agreement).max() < 0.003
    assert np.allclose(loaded.probabilities.sum(0), 1, atol=1e-5)


def test_a_missing_pseudo_label_is_reported_with_its_case(tmp_path):
    with pytest.raises(DataError, match="case_0009"):
        PseudoLabelCache(tmp_path).load("case_0009")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_damaged_cache_file_is_never_used(tmp_path_factory, data):
    cache = PseudoLabelCache(tmp_path_factory.mktemp("labels"))
    pseudo = random_pseudo(shape=(2, 3, 4))
    cache.save("a", pseudo)
    content = bytearray(cache.path("a").read_bytes())
    original = cache.load("a")
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    cache.path("a").write_bytes(bytes(content))
    if cache.has("a"):  # a flip in the header's padding changes nothing
        assert np.array_equal(cache.load("a").probabilities, original.probabilities)
    else:
        with pytest.raises(DataError):
            cache.load("a")


def test_a_file_of_another_case_or_another_key_is_not_taken(tmp_path):
    cache = PseudoLabelCache(tmp_path, "first options")
    cache.save("a", random_pseudo())
    cache.path("b").write_bytes(cache.path("a").read_bytes())
    assert not cache.has("b")
    assert not PseudoLabelCache(tmp_path, "other options").has("a")


def test_every_case_is_labeled_once_and_announced(tmp_path):
    run = RunFolder(tmp_path)
    cache, labeler = PseudoLabelCache(tmp_path / "pseudo_labels"), CountingLabeler(run)
    assert label_all(labeler, ["a", "bb"], cache, run) == ("a", "bb")
    assert label_all(labeler, ["a", "bb", "ccc"], cache, run) == ("a", "bb", "ccc")
    assert labeler.labeled == ["a", "bb", "ccc"]
    events = events_of(run)
    assert [event["case"] for event in events if event["type"] == "case_done"] == ["a", "bb", "ccc"]
    assert all(0 <= event["uncertainty"] <= 1 for event in events if event["type"] == "case_done")
    assert [event["step"] for event in events if event["type"] == "progress"][-1] == 3


def test_a_complete_cache_needs_no_preparation(tmp_path):
    run = RunFolder(tmp_path)
    cache, labeler = PseudoLabelCache(tmp_path / "pseudo_labels"), CountingLabeler(run)
    label_all(labeler, ["a"], cache, run)
    label_all(labeler, ["a"], cache, run)
    assert labeler.prepared == 1


def test_a_damaged_pseudo_label_is_made_again(tmp_path):
    run = RunFolder(tmp_path)
    cache, labeler = PseudoLabelCache(tmp_path / "pseudo_labels"), CountingLabeler(run)
    label_all(labeler, ["a", "bb"], cache, run)
    cache.path("bb").write_bytes(cache.path("bb").read_bytes()[:-5])
    label_all(labeler, ["a", "bb"], cache, run)
    assert labeler.labeled == ["a", "bb", "bb"] and cache.has("bb")


def test_a_failing_case_is_a_warning_and_left_out(tmp_path):
    run = RunFolder(tmp_path)
    cache = PseudoLabelCache(tmp_path / "pseudo_labels")
    assert label_all(CountingLabeler(run, bad=("bb",)), ["a", "bb", "ccc"], cache, run) == ("a", "ccc")
    warnings = [event for event in events_of(run) if event["type"] == "warning"]
    assert len(warnings) == 1 and "bb" in warnings[0]["text"] and "the volume is empty" in warnings[0]["text"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        RuntimeError("ITK ERROR: Failed to allocate memory for image."),
        torch.OutOfMemoryError("CUDA out of memory."),
        torch.AcceleratorError("CUDA error: unspecified launch failure"),
        OSError(12, "Cannot allocate memory"),
    ],
    ids=["python", "torch", "itk", "cuda", "gpu", "system"],
)
def test_what_every_case_would_meet_ends_the_labeling_and_leaves_no_case_out(tmp_path, error):
    run = RunFolder(tmp_path)
    labeler, cache = CountingLabeler(run), PseudoLabelCache(tmp_path / "p")
    label = labeler.label
    labeler.label = lambda case: raising(error) if case == "bb" else label(case)
    with pytest.raises(type(error)):
        label_all(labeler, ["a", "bb", "ccc"], cache, run)
    assert labeler.labeled == ["a"] and not [e for e in events_of(run) if e["type"] == "warning"]


def raising(error: Exception) -> None:
    raise error


def test_nothing_labeled_is_an_error(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(CFRError, match="none of 2"):
        label_all(CountingLabeler(run, bad=("a", "bb")), ["a", "bb"], PseudoLabelCache(tmp_path / "p"), run)


def test_a_stop_request_ends_between_cases_and_the_next_start_goes_on(tmp_path):
    run = RunFolder(tmp_path)
    cache, labeler = PseudoLabelCache(tmp_path / "pseudo_labels"), CountingLabeler(run, stop_at="bb")
    with pytest.raises(StopRequested):
        label_all(labeler, ["a", "bb", "ccc"], cache, run)
    assert cache.has("bb") and not cache.has("ccc")
    run.clear_stop()
    label_all(labeler, ["a", "bb", "ccc"], cache, run)
    assert labeler.labeled == ["a", "bb", "ccc"]


def test_a_cached_labeler_labels_each_case_once(tmp_path):
    labeler = CountingLabeler(RunFolder(tmp_path))
    cached = CachedLabeler(labeler, PseudoLabelCache(tmp_path / "cache"))
    assert np.array_equal(cached.label("a").probabilities, cached.label("a").probabilities)
    assert labeler.labeled == ["a"]


def test_uncertainty_looks_only_at_the_surface_band():
    probabilities = np.zeros((2, 9, 9, 9), np.float32)
    probabilities[0] = 1
    probabilities[:, 3:6, 3:6, 3:6] = np.array([0, 1])[:, None, None, None]
    certain = PseudoLabel(probabilities.copy())
    probabilities[:, 0, 0, 0] = 0.5  # far from the surface
    far = PseudoLabel(probabilities.copy())
    probabilities[:, 3:6, 3:6, 3:6] = np.array([0.4, 0.6])[:, None, None, None]
    near = PseudoLabel(probabilities)
    assert case_uncertainty(certain) == 0
    assert case_uncertainty(far) == 0
    assert case_uncertainty(near) > 0.1


def test_a_pseudo_label_without_foreground_is_the_most_uncertain():
    probabilities = np.zeros((2, 4, 4, 4), np.float32)
    probabilities[0] = 1
    assert case_uncertainty(PseudoLabel(probabilities)) == 1
