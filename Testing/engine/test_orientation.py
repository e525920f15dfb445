"""One orientation for all volumes: nothing moves in the patient; how a file is stored does not matter."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.orientation import canonical_axes, canonical_geometry, to_canonical
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.preprocessing import planned_geometry, preprocess, preprocess_label, restore_label

RAS = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
TURNS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]


def stored_as(volume: Volume, order: tuple[int, ...], signs: tuple[float, ...]) -> Volume:
    """The same voxels at the same places, stored with other axes (`order` of z, y, x) and directions."""
    flips = tuple(slice(None, None, -1) if sign < 0 else slice(None) for sign in signs)
    array = np.transpose(volume.array, order)[flips]
    old, matrix = volume.geometry, np.array(volume.geometry.direction).reshape(3, 3)
    first = np.zeros(3)
    for axis, sign in zip(order, signs, strict=True):
        first[axis] = old.size_zyx[axis] - 1 if sign < 0 else 0
    columns = [matrix[:, 2 - axis] * sign for axis, sign in zip(order, signs, strict=True)][::-1]
    geometry = Geometry(
        array.shape,
        tuple(old.spacing_zyx[axis] for axis in order),
        tuple(old.physical(first)),
        tuple(np.stack(columns, axis=1).ravel()),
    )
    return Volume(np.ascontiguousarray(array), geometry)


def make_volume(dtype: type = np.float32) -> Volume:
    array = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(dtype)
    return Volume(array, Geometry((4, 5, 6), (3.0, 2.0, 1.0), (10.0, -20.0, 30.0), RAS))


def make_plan(spacing: tuple[float, float, float]) -> Plan:
    return Plan(spacing, (8, 8, 8), 0, Intensity("zscore", 0.0, 100.0), 0, (4, 5, 6))


@given(st.sampled_from(TURNS))
def test_however_a_volume_is_stored_its_canonical_form_is_the_same(turn):
    volume = make_volume()
    found = to_canonical(stored_as(volume, *turn))
    np.testing.assert_array_equal(found.array, volume.array)
    assert found.geometry.same_grid(volume.geometry)


def test_a_volume_in_canonical_orientation_is_left_as_it_is():
    volume = make_volume()
    assert canonical_geometry(volume.geometry) == volume.geometry
    assert canonical_axes(volume.geometry) == ((0, 1, 2), (False, False, False))


@given(st.sampled_from(TURNS), st.floats(-0.5, 0.5))
def test_every_voxel_of_an_oblique_volume_stays_where_it_is_in_the_patient(turn, angle):
    c, s = np.cos(angle), np.sin(angle)
    oblique = (-c, s, 0.0, -s, -c, 0.0, 0.0, 0.0, 1.0)
    array = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    volume = Volume(array, Geometry((4, 5, 6), (3.0, 2.0, 1.0), (1.0, 2.0, 3.0), oblique))
    found = to_canonical(stored_as(volume, *turn))
    for value in (0.0, 17.0, 119.0):
        before = volume.geometry.physical(np.argwhere(array == value)[0])
        after = found.geometry.physical(np.argwhere(found.array == value)[0])
        np.testing.assert_allclose(after, before, atol=1e-9)


@given(st.sampled_from(TURNS), st.sampled_from([(3.0, 2.0, 1.0), (2.0, 2.0, 2.0)]))
def test_the_network_sees_the_same_however_the_file_is_stored(turn, spacing):
    image, label, plan = make_volume(), make_volume(np.uint8), make_plan(spacing)
    other_image, other_label = stored_as(image, *turn), stored_as(label, *turn)
    np.testing.assert_allclose(preprocess(other_image, plan), preprocess(image, plan), atol=1e-5)
    np.testing.assert_array_equal(
        preprocess_label(other_label, plan, other_label.geometry, [1, 2]),
        preprocess_label(label, plan, label.geometry, [1, 2]),
    )


@given(st.sampled_from(TURNS))
def test_labels_come_back_exactly_onto_the_grid_of_the_file(turn):
    stored, plan = stored_as(make_volume(np.uint8), *turn), make_plan((3.0, 2.0, 1.0))
    planned = planned_geometry(stored.geometry, plan)
    indices = preprocess_label(stored, plan, stored.geometry, [1, 2])
    back = restore_label(indices, planned, stored.geometry)
    np.testing.assert_array_equal(back.array, stored.array)
    assert back.geometry == stored.geometry
