"""Trust in the members of a fusion: reverse accuracy by hand, on bent ellipsoids, kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from CFRTrain.labelers.base import PseudoLabel, one_hot
from CFRTrain.labelers.fusion import FusionLabeler
from CFRTrain.labelers.registration import Transform
from CFRTrain.labelers.reverse_accuracy import ReverseAccuracy, reverse_dice, trusted
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.events import read_events
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


def test_small_differences_do_not_count_and_large_ones_take_all_weight():
    assert trusted((0.85, 0.80)) == (1.0, 1.0)
    assert trusted((0.74, 0.55)) == pytest.approx((1.0, 0.1))
    assert trusted((0.5, 0.9, 0.75)) == pytest.approx((0.01, 1.0, 0.5))
    assert trusted((0.0, 0.0)) == (1.0, 1.0)


def test_the_mean_over_the_cases_decides_and_what_was_found_is_kept(tmp_path):
    cohort, asked = Cohort(tmp_path), []
    found = {"case_0002": (0.9, 0.7), "case_0003": (0.7, 0.5), "case_0004": (0.8, 0.8)}

    def accuracies(case_id, opinions):
        asked.append(case_id)
        return found[case_id]

    for _ in range(2):
        trust = trust_in(cohort, "atlas", "network")
        trust.accuracies = accuracies
        assert trust.weights(lambda case: [case]) == pytest.approx((1.0, 1 - (0.8 - 2.0 / 3 - 0.1) / 0.1))
    assert asked == list(found)
    assert json.loads((tmp_path / "trust/case_0002.json").read_text()) == {"atlas": 0.9, "network": 0.7}


def test_a_case_that_fails_is_passed_over_and_without_any_all_weigh_alike(tmp_path):
    cohort = Cohort(tmp_path)

    def fails(case):
        raise ValueError("no label")

    assert trust_in(cohort, "atlas", "network").weights(fails) == (1.0, 1.0)
    codes = [event["code"] for event in read_events(cohort.run.events.path)[0] if event["type"] == "warning"]
    assert codes == ["trust_case"] * 3 + ["trust_unknown"]


def test_a_damaged_file_is_named(tmp_path):
    cohort = Cohort(tmp_path)
    cohort.run.folder("trust")
    cohort.run.write_json("trust/case_0002.json", {"atlas": 0.5})
    with pytest.raises(JobError, match="trust/case_0002.json"):
        trust_in(cohort, "atlas", "network").weights(lambda case: [])


class Fixed:
    name = "fixed"

    def __init__(self, foreground: float) -> None:
        self.foreground = foreground

    def prepare(self):
        pass

    def label(self, case_id):
        return PseudoLabel(np.array([1 - self.foreground, self.foreground], np.float32).reshape(2, 1, 1, 1))


def test_a_fusion_asks_once_for_the_weights_and_gives_the_opinions():
    asked = []

    class Trust:
        def weights(self, opinions_of):
            asked.append([opinion[1].item() for opinion in opinions_of("b")])
            return (3.0, 1.0)

    fusion = FusionLabeler([Fixed(0.9), Fixed(0.1)], trust=Trust())
    for case in ("a", "b"):
        assert fusion.label(case).probabilities[1].item() == pytest.approx(0.7)
    assert fusion.label("a").agreement.item() == pytest.approx(0.75)
    assert asked == [pytest.approx([0.9, 0.1])]


@pytest.mark.parametrize(("weights", "kind"), [("equal", type(None)), ("trust", ReverseAccuracy)])
def test_the_job_says_how_members_are_weighed(tmp_path, weights, kind):
    cohort = Cohort(tmp_path)
    job = replace(cohort.job, fusion=Fusion(weights=weights), fusion_members=("atlas", "network"))
    context = Context(cohort.run, job, (), cohort.plan)
    context.ids = lambda *_: cohort.labeled
    assert type(build_labeler(context, "fusion").trust) is kind
