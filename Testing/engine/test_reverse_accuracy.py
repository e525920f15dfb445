"""Trust in the members of a fusion: reverse accuracy by hand, on bent ellipsoids, kept per case."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from CFRTrain.labelers.base import PseudoLabel, one_hot
from CFRTrain.labelers.fusion import FusionLabeler
from CFRTrain.labelers.registration import Transform
from CFRTrain.labelers.reverse_accuracy import ReverseAccuracy, reverse_dice
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Fusion
from CFRTrain.stages.context import Context
from CFRTrain.stages.labeling import build_labeler
from Testing.engine.cohort import Cohort

SPACING = (1.0, 1.0, 1.0)


def moved_by(voxels: float, shape: tuple[int, int, int]) -> Transform:
    """Each point of the fixed grid lies `voxels` further along z in the moving volume."""
    affine = np.concatenate([np.eye(3), [[voxels], [0.0], [0.0]]], axis=1)
    return Transform(affine, np.zeros((3, *shape), np.float32), SPACING, (0.0, 0.0, 0.0), shape, SPACING)


def trust_in(cohort: Cohort, *members: str) -> ReverseAccuracy:
    return ReverseAccuracy(members, *cohort.arguments())


def test_the_reverse_dice_of_a_label_that_is_carried_over_by_a_known_shift():
    truth, opinion = np.zeros((2, 8, 3, 3), np.uint8)
    truth[2:6] = 1
    opinion[4:8] = 1
    probabilities = one_hot(opinion, 1)
    assert reverse_dice(probabilities, truth, [moved_by(2, truth.shape)], SPACING) == pytest.approx(1.0)
    assert reverse_dice(probabilities, truth, [moved_by(0, truth.shape)], SPACING) == pytest.approx(0.5)
    assert reverse_dice(probabilities, truth, [moved_by(1, truth.shape)], SPACING) == pytest.approx(0.75)


def test_classes_are_averaged_and_those_that_no_labeled_case_has_do_not_count():
    truth = np.array([1, 1, 2, 2], np.uint8).reshape(4, 1, 1)
    opinion = one_hot(np.array([1, 1, 2, 0], np.uint8).reshape(4, 1, 1), 3)
    found = reverse_dice(opinion, truth, [moved_by(0, truth.shape)], SPACING)
    assert found == pytest.approx((1 + 2 / 3) / 2)


def test_a_right_label_is_trusted_more_than_one_that_lies_beside_the_structure(tmp_path):
    cohort = Cohort(tmp_path)
    truth = cohort.labels["case_0002"]
    opinions = [one_hot(truth, 2), one_hot(np.roll(truth, 4, axis=1), 2)]
    trust = trust_in(cohort, "atlas", "network")
    right, beside = trust.accuracies("case_0002", opinions)
    assert right > 0.8 > beside + 0.2
    assert trust.weights("case_0002", opinions) == pytest.approx((right**4, beside**4))


def test_what_was_found_is_kept_and_not_registered_again(tmp_path, monkeypatch):
    cohort = Cohort(tmp_path)
    opinions = [one_hot(cohort.labels["case_0003"], 2)] * 2
    first = trust_in(cohort, "atlas", "sam").weights("case_0003", opinions)
    kept = json.loads((tmp_path / "trust/case_0003.json").read_text())
    assert list(kept) == ["atlas", "sam"] and kept["atlas"] == kept["sam"]
    again = trust_in(cohort, "atlas", "sam")
    monkeypatch.setattr(again, "accuracies", lambda *_: pytest.fail("registered again"))
    assert again.weights("case_0003", opinions) == first


def test_two_labels_of_nothing_are_trusted_alike(tmp_path):
    cohort = Cohort(tmp_path)
    cohort.run.folder("trust")
    cohort.run.write_json("trust/case_0002.json", {"atlas": 0.0, "network": 0.02})
    first, second = trust_in(cohort, "atlas", "network").weights("case_0002", [])
    assert first == second > 0


def test_a_damaged_file_is_named(tmp_path):
    cohort = Cohort(tmp_path)
    cohort.run.folder("trust")
    cohort.run.write_json("trust/case_0002.json", {"atlas": 0.5})
    with pytest.raises(JobError, match="trust/case_0002.json"):
        trust_in(cohort, "atlas", "network").weights("case_0002", [])


class Fixed:
    name = "fixed"

    def __init__(self, foreground: float) -> None:
        self.foreground = foreground

    def prepare(self):
        pass

    def label(self, case_id):
        return PseudoLabel(np.array([1 - self.foreground, self.foreground], np.float32).reshape(2, 1, 1, 1))


def test_a_fusion_weighs_its_members_anew_for_each_case():
    class Trust:
        def weights(self, case_id, opinions):
            assert [opinion[1].item() for opinion in opinions] == pytest.approx([0.9, 0.1])
            return {"a": (3.0, 1.0), "b": (0.5, 0.5)}[case_id]

    fusion = FusionLabeler([Fixed(0.9), Fixed(0.1)], trust=Trust())
    assert fusion.label("a").probabilities[1].item() == pytest.approx(0.7)
    assert fusion.label("b").probabilities[1].item() == pytest.approx(0.5)
    assert fusion.label("a").agreement.item() == pytest.approx(0.75)


@pytest.mark.parametrize(("weights", "kind"), [("equal", type(None)), ("trust", ReverseAccuracy)])
def test_the_job_says_how_members_are_weighed(tmp_path, weights, kind):
    cohort = Cohort(tmp_path)
    job = replace(cohort.job, fusion=Fusion(weights=weights), fusion_members=("atlas", "network"))
    context = Context(cohort.run, job, (), cohort.plan)
    context.ids = lambda *_: cohort.labeled
    assert type(build_labeler(context, "fusion").trust) is kind
