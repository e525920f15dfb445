"""Several looks at one volume: each look undone exactly, means and mutual information by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from CFRTrain.data.augmentation import draw_affine, draw_spatial, generator_for
from CFRTrain.data.spatial_augmentation import WEAK_SPATIAL, affine_grid
from CFRTrain.labelers.looks import Flip, Plain, RandomLook, Shift, Turn, looks_at
from CFRTrain.labelers.looks_labeler import LooksLabeler, Opinions, with_looks
from CFRTrain.labelers.network_labeler import NetworkLabeler
from CFRTrain.runs.job import Looks
from CFRTrain.runs.job import NetworkLabeler as Options
from Testing.engine.cohort import Cohort

SPACING = (1.0, 1.0, 1.0)
EXACT = [Plain(), Flip((0,)), Flip((0, 2)), Turn(0, 1), Turn(1, 3), Shift(1), Shift(3)]


def opinion_of(image: np.ndarray) -> np.ndarray:
    """Two-class probabilities that depend on nothing but the voxel."""
    foreground = 1 / (1 + np.exp(-image))
    return np.stack([1 - foreground, foreground]).astype(np.float32)


class Fixed:
    """A labeler whose opinions are functions of the image."""

    name, labeled = "fixed", ("known",)

    def __init__(self, *functions):
        self.functions = functions

    def prepare(self):
        pass

    def label(self, case_id):
        return f"the label of {case_id}"

    def opinions(self, image):
        for function in self.functions:
            yield function(image)


class Store:
    def __init__(self, image):
        self.saved = image

    def image(self, case_id):
        return self.saved


def label(image: np.ndarray, options: Looks, *functions):
    cohort_plan = type("Plan", (), {"spacing_zyx": SPACING, "slicing_axis": 0})
    job = type("Job", (), {"looks": options, "seed": 0})
    return LooksLabeler(Fixed(*functions), Store(image), cohort_plan, job).label("a")


@pytest.mark.parametrize("look", EXACT, ids=repr)
def test_a_look_is_undone_exactly(look):
    image = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
    changed = look.image(image)
    assert isinstance(look, Plain) or changed.shape != image.shape or not np.array_equal(changed, image)
    assert np.array_equal(look.back(opinion_of(changed)), opinion_of(image))


def test_a_random_look_is_small_and_undone_up_to_interpolation():
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in (20, 24, 22)), indexing="ij")
    image = (2 - 6 * (z**2 + y**2 + x**2)).astype(np.float32)
    look = RandomLook(7, "case_0001", 0, SPACING)
    found = look.back(opinion_of(look.moved(image)))
    assert np.abs(found - opinion_of(image)).max() < 0.05
    assert np.allclose(found.sum(0), 1, atol=1e-5)
    changed = look.image(image)
    assert 0.05 < np.abs(changed - image).mean() < 0.6


def test_random_looks_differ_by_index_and_case_and_come_again():
    image = np.random.default_rng(0).normal(size=(6, 6, 6)).astype(np.float32)
    first, again = (RandomLook(7, "a", 0, SPACING).image(image) for _ in range(2))
    assert np.array_equal(first, again)
    for other in (RandomLook(7, "a", 1, SPACING), RandomLook(7, "b", 0, SPACING)):
        assert not np.array_equal(first, other.image(image))


def test_the_job_says_which_looks_there_are():
    options = Looks(random=2, shifts=1, flips=(2, 0), turns=True)
    found = list(looks_at("a", options, 1, SPACING, 0))
    turns = [Turn(1, quarters) for quarters in (1, 2, 3)]
    assert found[:8] == [Plain(), Flip((0,)), Flip((2,)), Flip((0, 2)), *turns, Shift(1)]
    assert [type(look) for look in found[8:]] == [RandomLook, RandomLook]
    assert len(found) == options.count and Looks().count == 1 and not Looks().several
    assert list(looks_at("a", Looks(), 0, SPACING, 0)) == [Plain()]


def test_the_label_is_the_mean_over_looks():
    image = np.array([-2.0, 0.5], np.float32).reshape(2, 1, 1)

    def place(changed):
        """An opinion on where the voxel lies, whatever it shows."""
        foreground = np.linspace(0.9, 0.3, len(changed)).reshape(-1, 1, 1)
        return np.stack([1 - foreground, foreground]).astype(np.float32)

    found = label(image, Looks(flips=(0,)), place)
    assert np.allclose(found.probabilities[1], 0.6)  # of 0.9 and 0.3 at both places
    assert found.agreement is None


def test_mutual_information_is_what_the_opinions_contradict_each_other():
    certain, opposed = np.array([[0.8], [0.2]]), np.array([[0.4], [0.6]])
    opinions = Opinions()
    for probabilities in (certain, opposed):
        opinions.add(probabilities.reshape(2, 1, 1, 1).astype(np.float32))

    def h(p):
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    information = h(0.6) - (h(0.8) + h(0.4)) / 2
    assert opinions.mean().ravel() == pytest.approx([0.6, 0.4])
    assert opinions.agreement().item() == pytest.approx(1 - information / math.log(2), rel=1e-5)


def test_doubt_that_all_opinions_share_is_no_contradiction():
    opinions = Opinions()
    for _ in range(3):
        opinions.add(np.full((2, 1, 1, 1), 0.5, np.float32))
    assert opinions.agreement().item() == pytest.approx(1.0)


def test_the_confidence_falls_where_networks_contradict_each_other():
    image = np.array([-2.0, 2.0], np.float32).reshape(2, 1, 1)
    options = Looks(uncertainty="mutual_information")
    found = label(image, options, opinion_of, lambda changed: opinion_of(abs(changed)))
    assert found.agreement[1, 0, 0] == pytest.approx(1.0) and found.agreement[0, 0, 0] < 0.7
    assert found.confidence[0, 0, 0] < found.confidence[1, 0, 0]


def test_a_labeled_case_gets_its_own_label():
    labeler = LooksLabeler(Fixed(opinion_of), None, None, type("Job", (), {"looks": Looks(random=1)}))
    assert labeler.label("known") == "the label of known"


def test_a_labeler_stays_as_it_is_without_looks_or_where_it_answers_no_images():
    job = type("Job", (), {"looks": Looks()})
    labeler = Fixed(opinion_of)
    assert with_looks(labeler, None, None, job) is labeler
    several = type("Job", (), {"looks": Looks(shifts=1)})
    assert isinstance(with_looks(labeler, None, None, several), LooksLabeler)
    no_images = object()
    assert with_looks(no_images, None, None, several) is no_images


def test_a_network_labels_with_looks_and_the_same_again(tmp_path):
    cohort = Cohort(tmp_path)
    looks = Looks(random=1, shifts=1, uncertainty="mutual_information")
    cohort.job = replace(cohort.job, network_labeler=Options(steps=4, pairs=0.0, networks=2), looks=looks)
    plain = NetworkLabeler(*cohort.arguments())
    found = with_looks(plain, cohort.store, cohort.plan, cohort.job).label("case_0002")
    again = with_looks(plain, cohort.store, cohort.plan, cohort.job).label("case_0002")
    assert np.array_equal(found.probabilities, again.probabilities)
    assert np.allclose(found.probabilities.sum(0), 1, atol=1e-5)
    once = plain.label("case_0002").probabilities
    assert found.agreement.min() < 1 and found.probabilities.shape == once.shape
    assert not np.array_equal(found.probabilities, once)


def test_a_grid_of_drawn_matrices_is_the_grid_that_was_drawn():
    drawn = draw_spatial(2, (6, 8, 7), generator_for(0, "a", 0), WEAK_SPATIAL, (3.0, 1.0, 1.0), (4, 5, 6))
    affine = draw_affine(2, generator_for(0, "a", 0), WEAK_SPATIAL)
    assert drawn.equal(affine_grid(affine, (6, 8, 7), (3.0, 1.0, 1.0), (4, 5, 6)))
