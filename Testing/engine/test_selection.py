"""Which case to label next: embeddings, medoid, k-center, bands, scores; hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from CFRTrain.labelers.sam_model import ARCHITECTURES, build_sam, smaller
from CFRTrain.selection.alignment import best_shift, coarse, on_common_grid, shifted_onto_mean
from CFRTrain.selection.bands import class_bands, normalized_entropy, slices_to_correct, surface_band
from CFRTrain.selection.diversity import choose, covering_radius
from CFRTrain.selection.embeddings import VolumeEmbedder, squared_distances
from CFRTrain.selection.sam_embeddings import SamEmbedder, patches
from CFRTrain.selection.scoring import CaseScore, class_dice, needs, score_case

LINE = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])


def line_distances(values: np.ndarray = LINE) -> np.ndarray:
    return squared_distances(values)


def slab(classes: int = 1) -> np.ndarray:
    """Certain probabilities (C,9,9,9): class 1 where z >= 5, background below."""
    probabilities = np.zeros((classes + 1, 9, 9, 9), np.float32)
    probabilities[0, :5], probabilities[1, 5:] = 1, 1
    return probabilities


def test_squared_distances_are_those_computed_one_by_one():
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    expected = [[float(((a - b).astype(np.float64) ** 2).sum()) for b in rows] for a in rows]
    np.testing.assert_allclose(squared_distances(rows), expected, atol=1e-5)


def test_the_first_choice_without_labels_is_the_medoid_and_stands_for_all():
    # on a line, squared distances from 3 to 0, 1, 2, 10: 9 + 4 + 1 + 49 = 63; from 2: 4 + 1 + 1 + 64 = 70
    first = choose(line_distances(), np.ones(5), [], 1)[0]
    assert (first.index, first.nearest, first.represents) == (3, None, 5)
    assert choose(line_distances(np.array([[5.0], [5.0]])), np.ones(2), [], 1)[0].index == 0


def test_the_covering_radius_is_that_of_the_worst_covered_case():
    assert covering_radius(line_distances(), [1]) == 9
    assert covering_radius(line_distances(), [1, 4]) == 2
    assert covering_radius(line_distances(), []) == float("inf")


def test_the_next_choice_leaves_least_uncovered():
    # with 2 labeled, 4 + 1 + 0 + 1 + 64 is left; after 10 it is 6, after 1 it is 1 + 0 + 0 + 1 + 64 = 66
    choice = choose(line_distances(), np.ones(5), [2], 1)[0]
    assert choice.index == 4
    assert choice.gain == pytest.approx(1 - 6 / 70)
    assert (choice.nearest, choice.represents) == (8.0, 1)


def test_a_case_that_needs_help_draws_the_choice_towards_itself():
    needy = np.array([100.0, 1.0, 1.0, 1.0, 0.0])  # nobody cares for the outlier now
    assert choose(line_distances(), needy, [2], 1)[0].index == 0


def test_a_case_that_repeats_a_labeled_one_is_passed_over_while_there_are_others():
    places = np.array([[0.0], [0.1], [4.0], [8.0]])
    weights = np.array([0.0, 1e6, 1.0, 1.0])  # the twin of the labeled case needs help most of all
    order = [choice.index for choice in choose(line_distances(places), weights, [0], 3)]
    assert order[-1] == 1
    assert sorted(order) == [1, 2, 3]
    alone = choose(line_distances(places[:2]), weights[:2], [0], 5)
    assert [choice.index for choice in alone] == [1]  # where there is no other, it is suggested all the same


def test_choices_do_not_repeat_and_end_with_the_cases():
    order = [choice.index for choice in choose(line_distances(), np.zeros(5), [0], 9)]
    assert sorted(order) == [1, 2, 3, 4]


def test_the_band_is_five_voxels_wide_and_leaves_the_border_of_the_volume_alone():
    band = surface_band(np.arange(9)[:, None, None] >= np.full((9, 9, 9), 5))
    assert np.flatnonzero(band.all((1, 2))).tolist() == [3, 4, 5, 6, 7]
    assert not band[[0, 1, 2, 8]].any()
    assert not surface_band(np.ones((5, 5, 5), bool)).any()


def test_uncertainty_is_the_mean_entropy_in_the_band():
    probabilities = slab()
    probabilities[:, 5] = 0.5  # pure guessing in one of the band's five planes
    probabilities[1, 5] += 1e-4
    found = score_case(probabilities, None, 0, 2)
    assert found.uncertainty == pytest.approx(1 / 5, abs=1e-4)
    assert found.class_uncertainty == pytest.approx((1 / 5,), abs=1e-4)
    assert (found.disagreement, found.absence) == (0.0, 0.0)
    assert [item.index for item in found.slices] == [5]  # the only plane with any entropy
    assert found.slices[0].entropy == pytest.approx(81, rel=1e-3)
    assert found.slices[0].center_zyx == pytest.approx((5, 4, 4), abs=1e-3)


def test_entropy_of_two_and_of_three_classes_is_between_zero_and_one():
    assert normalized_entropy(np.full((3, 1, 1, 1), 1 / 3, np.float32))[0, 0, 0] == pytest.approx(1, abs=1e-6)
    assert normalized_entropy(np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1))[0, 0, 0] == 0
    half = normalized_entropy(np.array([0.5, 0.5, 0], np.float32).reshape(3, 1, 1, 1))[0, 0, 0]
    assert half == pytest.approx(np.log(2) / np.log(3), abs=1e-5)


def test_disagreement_is_one_minus_the_mean_dice_of_labeler_and_network():
    network, labeler = slab(2), slab(2)
    labeler[:, 5], labeler[2, 8], labeler[1, 8] = 0, 1, 0
    labeler[0, 5] = 1  # the labeler's class 1 has planes 6, 7; the network's 5 to 8: Dice 2 * 2 / 6
    found = score_case(network, labeler, 0, 0)
    assert found.class_dice == pytest.approx((2 / 3, 0.0))
    assert found.disagreement == pytest.approx(1 - 1 / 3)
    assert found.class_present == (True, False)
    assert found.absence == 0.5
    assert found.class_uncertainty == (0.0, None)
    assert found.total == pytest.approx(0 + 2 / 3 + 0.5)


def test_classes_that_nobody_finds_agree():
    empty = np.zeros((2, 2, 2), np.uint8)
    assert class_dice(empty, empty, 2) == (1.0, 1.0)


def test_a_volume_in_which_nothing_is_found_is_fully_uncertain():
    probabilities = np.zeros((2, 4, 4, 4), np.float32)
    probabilities[0] = 1
    found = score_case(probabilities, None, 0, 3)
    assert (found.uncertainty, found.absence, found.slices) == (1.0, 1.0, ())


def test_slices_are_the_worst_first_and_not_side_by_side():
    entropy, band = np.zeros((6, 3, 3), np.float32), np.ones((6, 3, 3), bool)
    entropy[1], entropy[2], entropy[4], entropy[5] = 0.5, 0.9, 0.2, 0.8
    band[5] = False
    assert [item.index for item in slices_to_correct(entropy, band, 0, 3)] == [2, 4]
    assert [item.index for item in slices_to_correct(entropy, band, 0, 1)] == [2]


def test_each_class_has_its_own_band():
    labels = np.zeros((12, 3, 3), np.uint8)
    labels[2:4], labels[9:] = 1, 2
    first, second, third = class_bands(labels, 3)
    assert np.flatnonzero(first.any((1, 2))).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.flatnonzero(second.any((1, 2))).tolist() == [7, 8, 9, 10, 11]
    assert not third.any()


def test_a_case_without_a_score_needs_as_much_as_the_others_on_average():
    scores = [CaseScore(value, (value,), (), (True,), ()) for value in (0.2, 0.6)]
    assert needs([scores[0], None, scores[1]]).tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert needs([None, None]).tolist() == [1.0, 1.0]


def blob(center: tuple[int, int, int], size: int = 24) -> np.ndarray:
    """A smooth ball (z,y,x) around `center`, float32."""
    grid = np.meshgrid(*[np.arange(size)] * 3, indexing="ij")
    square = sum((axis - at) ** 2 for axis, at in zip(grid, center, strict=True))
    return np.exp(-square / 18).astype(np.float32)


def test_a_shifted_volume_is_shifted_back():
    fixed, moving = blob((12, 12, 12)), blob((9, 13, 12))
    assert best_shift(moving, fixed) == (3, -1, 0)
    moved = shifted_onto_mean(np.stack([fixed, fixed, moving]))
    np.testing.assert_allclose(moved[2], moved[0], atol=0.02)  # the border goes on outside
    assert best_shift(np.zeros((6, 6, 6), np.float32), np.zeros((6, 6, 6), np.float32)) == (0, 0, 0)


def test_volumes_of_other_spacing_come_to_lie_on_one_grid():
    fine, thick = blob((12, 12, 12), 25), blob((12, 12, 12), 25)[::2]
    volumes = [coarse(fine, (1.0, 1.0, 1.0)), coarse(thick, (2.0, 1.0, 1.0))]
    first, second = on_common_grid(volumes)
    assert first.shape == second.shape
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.98


def test_a_large_volume_becomes_coarse_by_the_means_of_its_blocks():
    place = np.arange(321, dtype=np.float32)[:, None, None] + np.zeros((321, 4, 4), np.float32)
    found = coarse(place, (0.5, 5.0, 5.0))  # 160.5 mm along z: 32 steps of 5.016 mm, ten voxels each
    assert found.array.shape == (32, 4, 4)
    assert found.spacing_zyx == pytest.approx((160.5 / 32, 5.016, 5.016), abs=1e-3)
    steps = found.array[4:-4, 2, 2]  # a ramp stays a ramp around the same middle
    np.testing.assert_allclose(np.diff(steps), 321 / 32, atol=0.05)
    assert steps.mean() == pytest.approx(160, abs=0.6)


def test_embeddings_forget_position_and_contrast_and_tell_an_odd_case_apart():
    images = {"a": blob((12, 12, 12)), "b": 50 * blob((10, 13, 12)) + 7, "c": 1 - blob((12, 12, 12))}
    rows = VolumeEmbedder().embed(images, lambda case: (images[case], (1.0, 1.0, 1.0)))
    squared = squared_distances(rows)
    assert squared[0, 1] < 0.1 < 1.5 < squared[0, 2]  # 2 (1 - correlation)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_embeddings_are_the_same_bits_every_time():
    images = {str(seed): np.random.default_rng(seed).normal(size=(9, 11, 8)) for seed in range(4)}
    both = [VolumeEmbedder().embed(images, lambda case: (images[case], (1.0, 1.0, 2.0))) for _ in range(2)]
    np.testing.assert_array_equal(*both)


def test_patches_cover_a_volume_and_the_last_one_moves_inside():
    image = np.arange(5 * 3 * 4, dtype=np.float32).reshape(5, 3, 4)
    found = list(patches(image, (4, 4, 4)))
    assert [patch.shape for patch in found] == [(4, 4, 4)] * 2
    np.testing.assert_array_equal(found[1][:, :3], image[1:])
    np.testing.assert_array_equal(found[1][:, 3], image[1:, 2])  # the border goes on


class Canvas:
    """One slice as one picture."""

    patch_zyx, canvas = (1, 32, 32), 32

    def pictures(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :, 0]


def test_sam_embeddings_are_the_encoders_features_averaged_over_tokens_and_canvases():
    tiny = smaller(ARCHITECTURES["small"], width=24, depth=2, heads=2, global_blocks=(1,), embedding=16)
    sam = build_sam(tiny, 1, 32, seed=3)
    image = np.random.default_rng(0).normal(size=(2, 32, 32)).astype(np.float32)
    row = SamEmbedder(sam, Canvas(), torch.device("cpu")).embed(["a"], lambda _: (image, (1, 1, 1)))[0]
    with torch.no_grad():
        pictures = torch.from_numpy(image)[:, None].expand(-1, 3, -1, -1)
        expected = sam.eval().image_encoder(pictures).mean((0, 2, 3)).numpy()
    assert row.shape == (16,)
    np.testing.assert_allclose(row, expected, atol=1e-5)
