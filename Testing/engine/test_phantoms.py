"""Phantoms: deterministic, varied, plausible, and readable as a cohort."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CFRTrain.data.cases import cases_from
from CFRTrain.data.phantoms import make_phantom, write_cohort
from CFRTrain.data.volumes import read_label, read_volume
from CFRTrain.runs.job import read_cases


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())


def test_the_same_seed_gives_the_same_phantom():
    first, second, other = make_phantom(3), make_phantom(3), make_phantom(4)
    assert np.array_equal(first[0].array, second[0].array) and np.array_equal(first[1].array, second[1].array)
    assert not np.array_equal(first[1].array, other[1].array)


@pytest.mark.parametrize("seed", range(6))
def test_the_left_atrium_is_one_bright_piece_of_plausible_volume(seed):
    image, label = make_phantom(seed)
    mask = label.array == 1
    milliliters = mask.sum() * np.prod(label.geometry.spacing_zyx) / 1000
    assert 25 < milliliters < 130
    pieces, count = ndimage.label(mask)
    assert count and np.bincount(pieces.ravel())[1:].max() > 0.9 * mask.sum()
    assert image.array[mask].mean() > 1.4 * image.array[~mask].mean()
    assert (image.array >= 0).all() and image.array.dtype == np.float32


def test_anatomy_varies_but_stays_alike():
    masks = [make_phantom(seed)[1].array == 1 for seed in range(6)]
    overlaps = [dice(a, b) for index, a in enumerate(masks) for b in masks[index + 1 :]]
    assert 0.3 < np.mean(overlaps) < 0.85 and max(overlaps) < 0.95


def test_spacing_changes_the_sampling_and_not_the_anatomy_size():
    volumes = [
        make_phantom(1, size, spacing)[1]
        for size, spacing in (((48, 64, 64), (2.5,) * 3), ((24, 64, 64), (5.0, 2.5, 2.5)))
    ]
    sizes = [volume.array.sum() * np.prod(volume.geometry.spacing_zyx) for volume in volumes]
    assert 0.6 < sizes[0] / sizes[1] < 1.6


def test_two_classes_on_request():
    assert set(np.unique(make_phantom(1, ventricle=True)[1].array)) == {0, 1, 2}
    assert set(np.unique(make_phantom(1)[1].array)) == {0, 1}


def test_a_cohort_is_written_with_its_case_list(tmp_path):
    path = write_cohort(
        tmp_path, 5, seed=2, labeled=2, validation=1, size_zyx=(12, 16, 16), spacing_zyx=(10,) * 3
    )
    cases = cases_from(read_cases(path))
    assert [case.role for case in cases] == ["labeled", "labeled", "unlabeled", "unlabeled", "validation"]
    assert len(list((tmp_path / "labels").iterdir())) == 5 and cases[2].label is None
    for case in cases:
        image = read_volume(case.image, case.id)
        assert image.array.shape == (12, 16, 16)
        if case.label:
            assert read_label(case.label, case.id, image.geometry, (1,)).array.any()
    with pytest.raises(ValueError):
        write_cohort(tmp_path, 2, labeled=2, validation=1)
