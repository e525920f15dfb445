"""Promotion: who joins, how often each case is drawn, and runs that go through it, killed or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from CFRTrain.labelers.base import PseudoLabel, PseudoLabelCache
from CFRTrain.labelers.promotion import PromotedStore, Unbiased, mean_confidence, with_repeats
from CFRTrain.pipeline import run_all
from CFRTrain.runs.errors import JobError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import Promotion
from CFRTrain.runs.run_folder import RunFolder
from Testing.engine.cohort import Cohort
from Testing.engine.tiny_run import tiny_run

NETWORK = {"labeler": "network", "network_labeler.pairs": 0.0, "retrain.rounds": 2}
EVERYONE = {**NETWORK, "promotion.confidence": 0.01}


def pseudo_label(*foreground: float) -> PseudoLabel:
    p = np.array(foreground, np.float32).reshape(-1, 1, 1)
    return PseudoLabel(np.stack([1 - p, p]))


def test_the_mean_confidence_is_that_of_the_largest_probabilities():
    assert mean_confidence(pseudo_label(0.9, 0.2, 0.5)) == pytest.approx((0.9 + 0.8 + 0.5) / 3)


@pytest.mark.parametrize(
    ("labeled", "promoted", "share", "repeats"),
    [(1, 3, 0.5, 3), (2, 3, 0.5, 2), (1, 3, 0.25, 1), (1, 1, 0.9, 9), (4, 2, 0.5, 1)],
)
def test_at_least_the_share_of_the_draws_is_labeled(labeled, promoted, share, repeats):
    known, joined = [f"l{index}" for index in range(labeled)], [f"p{index}" for index in range(promoted)]
    cases = with_repeats(known, joined, share)
    assert [cases.count(case) for case in known] == [repeats] * labeled
    assert [cases.count(case) for case in joined] == [1] * promoted
    assert sum(case in known for case in cases) >= share * len(cases)


def test_a_promoted_case_has_its_pseudo_label_and_others_their_own(tmp_path):
    cohort = Cohort(tmp_path)
    cache = PseudoLabelCache(tmp_path / "cache")
    said = (np.arange(cohort.labels["case_0002"].size) % 3).reshape(cohort.labels["case_0002"].shape)
    cache.save("case_0002", PseudoLabel.from_labels(said.astype(np.uint8), 2))
    store = PromotedStore(cohort.store, cache, ["case_0002"])
    assert np.array_equal(store.label("case_0002"), said)
    assert np.array_equal(store.label("case_0001"), cohort.labels["case_0001"])
    assert store.label("case_0003") is None and store.has("case_0003")
    assert np.array_equal(store.image("case_0002"), cohort.store.image("case_0002"))


def test_a_labeler_is_asked_anew_about_what_it_learned(tmp_path):
    class Labeler:
        name = "fixed"

        def opinions(self, image):
            yield np.stack([image * 0 + 0.3, image * 0 + 0.7])

        def label(self, case_id):
            pytest.fail("gives its own label")

    found = Unbiased(Labeler(), Cohort(tmp_path).store).label("case_0001")
    assert np.allclose(found.probabilities[1], 0.7)


@pytest.mark.parametrize("changes", [{"labeled_share": 1.0}, {"confidence": 1.5}, {"steps": -1}])
def test_senseless_settings_are_refused(changes):
    with pytest.raises((ValueError, JobError)):
        Promotion(**changes)


def weights_of(run: RunFolder) -> str:
    return run.results()["weights_sha256"]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = tiny_run(tmp_path_factory.mktemp("promoted"), **EVERYONE)
    run_all(run)
    return run


def test_confident_cases_join_the_labelers_training_before_the_second_round(promoted):
    unlabeled = [case.id for case in promoted.cases() if case.role == "unlabeled"]
    assert promoted.read_json("promotion/round_2.json") == unlabeled
    part = promoted.root / "promotion/round_2"
    assert [path.name for path in (part / "checkpoints").iterdir()] == ["label_network"]
    events = read_events(promoted.events.path)[0]
    said = {event["case"]: event["confidence"] for event in events if event.get("stage") == "promotion_2"}
    assert list(said) == unlabeled and all(0.5 <= value <= 1 for value in said.values())


def test_the_next_labels_are_the_mean_of_the_taught_labeler_and_the_last_network(promoted):
    caches = {
        name: PseudoLabelCache(promoted.root / "pseudo_labels" / name, name)
        for name in ("network", "round_2", "round_2_promoted")
    }
    case = promoted.read_json("promotion/round_2.json")[0]
    first, before, after = (cache.load(case).probabilities for cache in caches.values())
    last_network = 2 * before - first
    taught = 2 * after - last_network
    assert -0.02 < taught.min() and taught.max() < 1.02 and np.allclose(taught.sum(0), 1, atol=0.02)
    assert np.abs(taught - first).max() > 0.02


def test_a_run_that_is_stopped_while_a_labeler_is_taught_ends_with_the_same_bits(promoted, tmp_path):
    run = tiny_run(tmp_path, **EVERYONE)

    def stop(event):
        if event["type"] == "progress" and event["stage"] == "round_2 label_network":
            run.request_stop()

    run.events.echo = stop
    with pytest.raises(StopRequested):
        run_all(run)
    resumed = RunFolder(tmp_path)
    run_all(resumed)
    assert weights_of(resumed) == weights_of(promoted)


def test_without_confident_cases_a_run_is_as_it_is_without_the_option(tmp_path):
    plain = tiny_run(tmp_path / "plain", **NETWORK)
    strict = tiny_run(tmp_path / "strict", **NETWORK, **{"promotion.confidence": 1.0})
    for run in (plain, strict):
        run_all(run)
    assert weights_of(plain) == weights_of(strict)
    assert not (plain.root / "promotion").exists()
    codes = [event.get("code") for event in read_events(strict.events.path)[0]]
    assert "nothing_promoted" in codes


def test_sam_learns_promoted_cases_beside_an_atlas_that_does_not(tmp_path):
    changes = {
        "labeler": "fusion",
        "fusion_members": ("atlas", "sam"),
        "retrain.rounds": 2,
        "finetune.steps": 1,
        "finetune.canvas": 64,
        "promotion.confidence": 0.01,
        "promotion.steps": 2,
    }
    run = tiny_run(Path(tmp_path), **changes)
    run_all(run)
    assert [path.name for path in (run.root / "promotion/round_2/checkpoints/finetune").iterdir()] == [
        "step-00000002"
    ]
    assert run.read_json("promotion/round_2/sam.json")["labeled_cases"] == 4  # not how often each is drawn
    assert run.read_json("sam.json")["labeled_cases"] == 1
