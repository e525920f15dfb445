"""One orientation for all volumes: the same axis means the same direction in the patient.

Files of one cohort may be stored axially or sagittally, from left to right or from right to left. Networks
and registrations look at arrays; without this, a flipped volume would be another anatomy to them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CFRTrain.data.geometry import Geometry, Volume

TOWARDS = (-1.0, -1.0, 1.0)
"""Signs of the canonical x, y, z axes in LPS space: they run right, forward and up (NIfTI's RAS)."""


def canonical_axes(geometry: Geometry) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """For each canonical array axis (z, y, x): which array axis of `geometry` it is, if it runs backwards.

    An oblique axis counts as the patient axis it is nearest to; each patient axis is taken once.
    """
    matrix = np.array(geometry.direction).reshape(3, 3)
    left, order = np.abs(matrix), [0, 0, 0]
    for _ in range(3):
        patient, grid = np.unravel_index(np.argmax(left), left.shape)
        order[patient] = int(grid)
        left[patient, :] = left[:, grid] = -1
    backwards = [bool(matrix[patient, order[patient]] * TOWARDS[patient] < 0) for patient in range(3)]
    return tuple(2 - order[patient] for patient in (2, 1, 0)), tuple(backwards[::-1])


def canonical_geometry(geometry: Geometry) -> Geometry:
    """The same grid in the same place with its axes in canonical order and direction."""
    axes, backwards = canonical_axes(geometry)
    corner = [geometry.size_zyx[axis] - 1 if flip else 0 for axis, flip in zip(axes, backwards, strict=True)]
    first = np.zeros(3)
    first[list(axes)] = corner
    matrix = np.array(geometry.direction).reshape(3, 3)
    columns = [matrix[:, 2 - axis] * (-1 if flip else 1) for axis, flip in zip(axes, backwards, strict=True)]
    direction = np.stack(columns[::-1], axis=1)
    return replace(
        geometry,
        size_zyx=tuple(geometry.size_zyx[axis] for axis in axes),
        spacing_zyx=tuple(geometry.spacing_zyx[axis] for axis in axes),
        origin_xyz=tuple(float(value) for value in geometry.physical(first)),
        direction=tuple(float(value) for value in direction.ravel()),
    )


def to_canonical(volume: Volume) -> Volume:
    """The volume with its voxels rearranged to the canonical grid; no value changes."""
    axes, backwards = canonical_axes(volume.geometry)
    array = np.transpose(volume.array, axes)
    array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in backwards)]
    return Volume(np.ascontiguousarray(array), canonical_geometry(volume.geometry))
