"""Reading and writing: geometry kept exactly, every kind of broken file named."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from CFRTrain.data.file_checks import content_hash, orientation_warning
from CFRTrain.data.volumes import (
    Geometry,
    Volume,
    from_sitk,
    read_label,
    read_volume,
    resample_image,
    to_sitk,
    write_volume,
)
from CFRTrain.runs.errors import DataError

FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")


def rotation(angles: tuple[float, float, float], flips: tuple[bool, bool, bool]) -> tuple[float, ...]:
    matrix = np.diag([-1.0 if flip else 1.0 for flip in flips])
    for axis, angle in enumerate(angles):
        turn, (first, second) = np.eye(3), [other for other in range(3) if other != axis]
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = turn @ matrix
    return tuple(matrix.ravel().tolist())


angle = st.floats(-math.pi, math.pi)
geometries = st.builds(
    lambda size, spacing, origin, angles, flips: Geometry(size, spacing, origin, rotation(angles, flips)),
    st.tuples(*[st.integers(2, 7)] * 3),
    st.tuples(*[st.floats(0.2, 8.0)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
    st.tuples(angle, angle, angle),
    st.tuples(*[st.booleans()] * 3),
)


def small(dtype: type = np.int16, size: tuple[int, int, int] = (5, 6, 7)) -> Volume:
    array = np.random.default_rng(0).integers(0, 100, size).astype(dtype)
    return Volume(array, Geometry(size, (3.0, 1.5, 1.0), (10.0, -20.0, 30.0)))


def write_header(path: Path, offset: int, layout: str, *values: float) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into("<" + layout, content, offset, *values)
    path.write_bytes(content)
    return path


def code_of(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_volume(path, "case_0007", **options)
    assert caught.value.case == "case_0007"
    assert caught.value.text and caught.value.remedy
    return caught.value.code


@pytest.fixture
def nifti(tmp_path: Path) -> Path:
    write_volume(tmp_path / "a.nii", small())
    return tmp_path / "a.nii"


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometry=geometries)
def test_oblique_flipped_and_anisotropic_geometry_survives_a_file(tmp_path, suffix, geometry):
    array = np.arange(math.prod(geometry.size_zyx), dtype=np.int16).reshape(geometry.size_zyx)
    write_volume(tmp_path / f"v{suffix}", Volume(array, geometry))
    found = read_volume(tmp_path / f"v{suffix}", "a")
    assert np.array_equal(found.array, array) and found.array.dtype == np.int16
    assert found.geometry.same_grid(geometry, 1e-3)
    assert np.allclose(found.geometry.direction, geometry.direction, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == [f"v{suffix}"]


@settings(max_examples=40, deadline=None)
@given(geometry=geometries, index=st.tuples(*[st.floats(-3, 9)] * 3))
def test_physical_positions_agree_with_itk_and_invert(geometry, index):
    volume = Volume(np.zeros(geometry.size_zyx, np.uint8), geometry)
    expected = to_sitk(volume).TransformContinuousIndexToPhysicalPoint(index[::-1])
    assert np.allclose(geometry.physical(index), expected, atol=1e-6)
    assert np.allclose(geometry.index(geometry.physical(index)), index, atol=1e-6)
    assert from_sitk(to_sitk(volume)).geometry == geometry
    assert Geometry.from_dict(geometry.to_dict()) == geometry


@settings(max_examples=25, deadline=None)
@given(geometry=geometries, spacing=st.tuples(*[st.floats(0.3, 6)] * 3))
def test_another_spacing_covers_the_same_extent_around_the_same_center(geometry, spacing):
    other = geometry.with_spacing(spacing)
    middle = [(np.array(grid.size_zyx) - 1) / 2 for grid in (geometry, other)]
    assert np.allclose(geometry.physical(middle[0]), other.physical(middle[1]), atol=1e-6)
    extent = [np.array(grid.size_zyx) * grid.spacing_zyx for grid in (geometry, other)]
    rounded = np.array(other.size_zyx) > 1
    assert (np.abs(extent[0] - extent[1])[rounded] <= 0.5 * np.array(spacing)[rounded] + 1e-6).all()


def test_a_linear_ramp_stays_where_it_is_in_the_patient():
    geometry = Geometry(
        (20, 24, 28), (2.0, 1.0, 0.7), (5.0, 6.0, 7.0), rotation((0.3, -0.5, 1.1), (True, False, True))
    )
    at = geometry.physical(np.moveaxis(np.indices(geometry.size_zyx), 0, -1))
    volume = resample_image(Volume((at @ [1.0, 2.0, -0.5]).astype(np.float32), geometry), (1.3, 1.4, 0.9))
    expected = volume.geometry.physical(np.moveaxis(np.indices(volume.array.shape), 0, -1)) @ [1.0, 2.0, -0.5]
    inner = (slice(2, -2),) * 3
    assert np.abs(volume.array - expected)[inner].max() < 0.01


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_truncated_file_is_reported_with_its_case(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    write_volume(path, small())
    content = path.read_bytes()
    for keep in (len(content) - 1, len(content) - 9, len(content) // 2, 20, 0):
        path.write_bytes(content[:keep])
        assert code_of(path) == "damaged"
    path.write_bytes(content + b"\0\1")
    assert code_of(path) == "damaged"


def test_a_corrupted_gzip_stream_is_not_read_as_zeros(tmp_path):
    path = tmp_path / "v.nii.gz"
    write_volume(path, small(size=(20, 20, 20)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    assert code_of(path) == "damaged"


def test_a_compression_bomb_is_cut_off(tmp_path):
    write_volume(tmp_path / "v.nii", small())
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress((tmp_path / "v.nii").read_bytes() + bytes(1 << 26)))
    assert code_of(tmp_path / "v.nii.gz") == "damaged"


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_spacing_that_itk_would_silently_repair_is_refused(nifti, value):
    assert code_of(write_header(nifti, 80, "f", value)) == "spacing"


def test_an_absurd_size_is_refused_before_anything_is_allocated(nifti):
    assert code_of(write_header(nifti, 40, "4h", 3, 32000, 32000, 32000)) == "too_large"
    assert code_of(write_header(nifti, 40, "4h", 3, 1000, 1000, 1000)) == "damaged"


def test_units_scaling_and_a_fourth_axis_of_one_are_understood(nifti):
    plain = read_volume(nifti, "a")
    scaled = read_volume(write_header(nifti, 112, "ff", 2.0, 1.0), "a")
    assert np.allclose(scaled.array, plain.array * 2.0 + 1) and scaled.array.dtype == np.float32
    write_header(nifti, 254, "h", 0)
    in_meters = read_volume(
        write_header(write_header(nifti, 80, "3f", 0.001, 0.0015, 0.003), 123, "B", 1), "a"
    )
    assert np.allclose(in_meters.geometry.spacing_zyx, (3, 1.5, 1))
    assert read_volume(write_header(nifti, 40, "5h", 4, 7, 6, 5, 1), "a").array.shape == (5, 6, 7)


def test_two_disagreeing_orientations_are_told_and_contradictions_refused(nifti):
    assert orientation_warning(nifti, "a") is None
    write_header(nifti, 268, "f", 50.0)
    assert "two orientations" in orientation_warning(nifti, "a")
    write_header(nifti, 280, "f", -4.0)
    assert code_of(nifti) == "geometry"
    write_header(nifti, 252, "2h", 0, 0)
    assert "no orientation" in orientation_warning(nifti, "a")


@pytest.mark.parametrize("suffix", FORMATS)
def test_other_than_one_number_per_voxel_in_three_dimensions_is_refused(tmp_path, suffix):
    array = np.ones((3, 4, 5, 2), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(tmp_path / f"four{suffix}"))
    assert code_of(tmp_path / f"four{suffix}") == "not_3d"
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / f"vector{suffix}"))
    assert code_of(tmp_path / f"vector{suffix}") in ("multi_component", "not_3d")
    sitk.WriteImage(sitk.GetImageFromArray(array[0, :, :, 0]), str(tmp_path / f"two{suffix}"))
    assert code_of(tmp_path / f"two{suffix}") == "not_3d"
    sitk.WriteImage(sitk.GetImageFromArray(array[:1, :, :, 0]), str(tmp_path / f"slice{suffix}"))
    assert code_of(tmp_path / f"slice{suffix}") == "one_slice"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_voxels_that_are_not_finite_are_counted(tmp_path, suffix, dtype):
    volume = small(dtype)
    volume.array[2, 3, 4], volume.array[0, 0, 0] = np.nan, np.inf
    write_volume(tmp_path / f"v{suffix}", volume)
    with pytest.raises(DataError, match="2 voxels are NaN or infinite"):
        read_volume(tmp_path / f"v{suffix}", "a")


def test_numbers_too_large_for_the_network_are_refused(tmp_path):
    volume = small(np.float64)
    volume.array[1, 1, 1] = 1e300
    write_volume(tmp_path / "v.mha", volume)
    assert code_of(tmp_path / "v.mha") == "not_finite"


def test_detached_or_unverifiable_files_are_refused(tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nspacings: 1 1 1\n"
    (tmp_path / "v.nrrd").write_text(header + "data file: secret.raw\n\n")
    assert code_of(tmp_path / "v.nrrd") == "detached"
    (tmp_path / "v.nrrd").write_bytes((header.replace("spacings: 1 1 1\n", "") + "\n").encode() + bytes(8))
    assert code_of(tmp_path / "v.nrrd") == "spacing"
    (tmp_path / "v.mha").write_text(
        "NDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 1 1\n"
        "ElementType = MET_UCHAR\nElementDataFile = secret.raw\n"
    )
    assert code_of(tmp_path / "v.mha") == "detached"
    assert code_of(tmp_path / "secret.raw") == "format"
    assert code_of(tmp_path / "nothing.nii") == "missing"


def test_a_changed_file_is_noticed_by_its_hash(nifti):
    known = content_hash(nifti)
    assert read_volume(nifti, "a", sha256=known).array.shape == (5, 6, 7)
    write_header(nifti, 400, "B", 77)
    assert code_of(nifti, sha256=known) == "changed"


def write_series(
    folder: Path, positions: list[float], uid: str = "1.2.3.4.5", shift: float = 0.0
) -> np.ndarray:
    folder.mkdir(exist_ok=True)
    array = np.random.default_rng(1).integers(0, 900, (len(positions), 8, 10)).astype(np.int16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.9, 1.1, 1.0))
    for index, position in enumerate(positions):
        plane = image[:, :, index]
        tags = {
            "0008|0060": "MR",
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0008|0018": f"{uid}.{index}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"-5\\{6 + shift * index}\\{position}",
            "0020|0013": str(index + 1),
        }
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{index}.dcm"))
        writer.Execute(plane)
    return array


def test_a_dicom_series_is_one_volume_in_the_order_of_its_positions(tmp_path):
    array = write_series(tmp_path / "series", [4.0, 2.0, 0.0, -2.0])
    volume = read_volume(tmp_path / "series", "a", sha256=content_hash(tmp_path / "series"))
    assert np.array_equal(volume.array, array[::-1])
    assert np.allclose(volume.geometry.spacing_zyx, (2.0, 1.1, 0.9))
    assert np.allclose(volume.geometry.origin_xyz, (-5, 6, -2))


def test_incomplete_mixed_or_tilted_dicom_folders_are_named(tmp_path):
    write_series(tmp_path / "gap", [0.0, 2.0, 4.0, 8.0])
    assert code_of(tmp_path / "gap") == "missing_slices"
    write_series(tmp_path / "tilted", [0.0, 2.0, 4.0], shift=1.0)
    assert code_of(tmp_path / "tilted") == "tilted"
    write_series(tmp_path / "one", [0.0])
    assert code_of(tmp_path / "one") == "one_slice"
    write_series(tmp_path / "two", [0.0, 2.0])
    write_series(tmp_path / "two", [0.0, 2.0], uid="1.2.3.4.6")
    assert code_of(tmp_path / "two") == "several_series"
    (tmp_path / "empty").mkdir()
    assert code_of(tmp_path / "empty") == "no_series"


def test_a_damaged_last_slice_does_not_just_shorten_the_volume(tmp_path):
    write_series(tmp_path / "series", [0.0, 2.0, 4.0, 6.0])
    last = sorted((tmp_path / "series").iterdir())[-1]
    content = last.read_bytes()
    for keep in (len(content) - 1, len(content) - 100, 300, 100):
        last.write_bytes(content[:keep])
        assert code_of(tmp_path / "series") in ("damaged", "foreign_files")


def label_code(path: Path, reference: Geometry | None, values: tuple[int, ...] = (1, 2)) -> str:
    with pytest.raises(DataError) as caught:
        read_label(path, "case_0003", reference, values)
    assert caught.value.case == "case_0003" and caught.value.remedy
    return caught.value.code


def test_labels_are_judged_by_grid_values_and_content(tmp_path):
    image, path = small(), tmp_path / "l.nii.gz"
    label = Volume((image.array > 50).astype(np.float32) * 2, image.geometry)
    write_volume(path, label)
    found = read_label(path, "a", image.geometry, (1, 2))
    assert found.array.dtype == np.uint8 and np.array_equal(found.array, label.array)
    assert found.geometry is image.geometry
    assert label_code(path, image.geometry, (1,)) == "label_values"
    moved = Geometry(image.geometry.size_zyx, image.geometry.spacing_zyx, (11.0, -20.0, 30.0))
    assert label_code(path, moved) == "other_grid"
    for array, code in (
        (label.array * 0, "empty_label"),
        (label.array / 4, "not_integer"),
        (-label.array, "label_values"),
        (label.array * 500, "label_values"),
    ):
        write_volume(path, Volume(array, image.geometry))
        assert label_code(path, image.geometry) == code


def test_a_cropped_slicer_segmentation_is_put_back_and_layers_are_refused(tmp_path):
    image = small()
    part = Geometry(
        (3, 2, 4),
        image.geometry.spacing_zyx,
        tuple(image.geometry.physical((1, 3, 2))),
        image.geometry.direction,
    )
    write_volume(tmp_path / "s.seg.nrrd", Volume(np.ones(part.size_zyx, np.uint8), part))
    found = read_label(tmp_path / "s.seg.nrrd", "a", image.geometry, (1,))
    assert found.array[1:4, 3:5, 2:6].all() and found.array.sum() == 24
    write_volume(tmp_path / "s.nrrd", Volume(np.ones(part.size_zyx, np.uint8), part))
    assert label_code(tmp_path / "s.nrrd", image.geometry) == "other_grid"
    layers = sitk.GetImageFromArray(np.ones((3, 4, 5, 2), np.uint8), isVector=True)
    sitk.WriteImage(layers, str(tmp_path / "o.seg.nrrd"))
    assert label_code(tmp_path / "o.seg.nrrd", None) == "overlapping"


def test_grids_are_the_same_up_to_rounding_only():
    grid = small().geometry
    rounded = Geometry(grid.size_zyx, (3.0001, 1.5, 1.0), grid.origin_xyz)
    assert grid.same_grid(rounded) and not grid.same_grid(
        Geometry(grid.size_zyx, (3.1, 1.5, 1.0), grid.origin_xyz)
    )
    assert not grid.same_grid(Geometry((5, 6, 8), grid.spacing_zyx, grid.origin_xyz))
