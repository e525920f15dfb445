"""Inference: windows blend as MONAI's, labels land on the input's exact grid, and trouble is named."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.inferers import sliding_window_inference
from torch import nn

from CFRTrain.data.components import keep_largest_components
from CFRTrain.data.geometry import Geometry
from CFRTrain.data.planning import Intensity, Plan
from CFRTrain.data.volumes import Volume, read_volume, write_volume
from CFRTrain.models.inference import (
    predict_labels,
    predict_probabilities,
    segment_file,
    segment_volume,
)
from CFRTrain.models.memory_ladder import MemoryLadder
from CFRTrain.models.package import Model, NetworkConfig, Provenance, Usage
from CFRTrain.models.runtimes import TorchRuntime
from CFRTrain.models.windows import Watch, gaussian, window_starts
from CFRTrain.runs.errors import DataError, MemoryLimitError, StopRequested
from CFRTrain.runs.job import ClassSpec, Predict

PATCH = (8, 16, 16)


def image_of(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal noise."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Threshold(nn.Module):
    """Says class 1 wherever the image is above `level`: what it labels is known in advance."""

    def __init__(self, level: float = 0.0) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.level - image, image - self.level], 1) * 20


def model_with(
    network: nn.Module, spacing: tuple[float, float, float], values: tuple[int, ...] = (3,)
) -> Model:
    """A model around any network, with z-scores that hardly move the values."""
    classes = tuple(ClassSpec(value, f"class {value}") for value in values)
    plan = Plan(spacing, PATCH, 0, Intensity("zscore", 0, 100), 0, (20, 30, 30), {})
    provenance = Provenance("2026-11-21", {}, 0, "standard", "supervised", "none", "MR", {})
    config = NetworkConfig("vnet", 1, len(values) + 1, 4, 2, "instance", 0.0)
    return Model(network, config, plan, classes, provenance, "0" * 64)


@pytest.mark.parametrize("shape", [(8, 16, 16), (16, 32, 48), (5, 32, 9), (24, 16, 48)])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_probabilities_equal_one_call_of_monai_over_the_whole_volume(shape, overlap):
    torch.manual_seed(0)
    network = nn.Conv3d(1, 3, 3, padding=1)  # sees the padding at window borders, so windows disagree
    image = image_of(*shape)
    weights = gaussian(8)[:, None, None] * gaussian(16)[:, None] * gaussian(16)
    with torch.inference_mode():
        expected = sliding_window_inference(
            torch.from_numpy(image)[None, None], PATCH, 1, lambda window: network(window).softmax(1),
            overlap, mode="gaussian", roi_weight_map=weights[None, None], padding_mode="replicate",
        )[0].numpy()  # fmt: skip
    found = predict_probabilities(network, image, PATCH, overlap)
    assert found.shape == (3, *shape) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_array_equal(predict_labels(network, image, PATCH, overlap), found.argmax(0))


def test_windows_that_do_not_fit_evenly_are_averaged_with_their_weights():
    torch.manual_seed(0)
    network, image = nn.Conv3d(1, 2, 3, padding=1), image_of(19, 30, 33)
    total, sums = np.zeros((2, *image.shape)), np.zeros(image.shape)
    weights = (gaussian(8)[:, None, None] * gaussian(16)[:, None] * gaussian(16)).numpy()
    starts = [window_starts(*pair, 0.5) for pair in zip(image.shape, PATCH, strict=True)]
    for corner in itertools.product(*starts):
        box = tuple(slice(start, start + side) for start, side in zip(corner, PATCH, strict=True))
        with torch.inference_mode():
            window = network(torch.from_numpy(image[box])[None, None]).softmax(1)[0].numpy()
        total[:, *box] += weights * window
        sums[box] += weights
    np.testing.assert_allclose(predict_probabilities(network, image, PATCH), total / sums, atol=2e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.integers(1, 64), st.floats(0, 0.9))
def test_windows_cover_every_voxel_and_overlap_about_as_asked(size, side, overlap):
    starts = window_starts(size, side, overlap)
    covered = np.zeros(size, bool)
    for start in starts:
        assert 0 <= start <= max(0, size - side)
        covered[start : start + side] = True
    assert covered.all() and starts == sorted(set(starts))
    distances = np.diff(starts)
    assert all(distances <= max(1, 1.2 * side * (1 - overlap)) + 1)
    assert not len(distances) or distances.max() - distances.min() <= 1


def test_the_benchmark_volume_takes_eight_windows():
    starts = [window_starts(*pair, 0.5) for pair in zip((88, 176, 176), (80, 112, 112), strict=True)]
    assert starts == [[0, 8], [0, 64], [0, 64]]


def test_a_voxel_wise_network_gives_the_same_labels_whatever_the_windows():
    image = image_of(21, 37, 18)
    for overlap in (0.0, 0.3, 0.5, 0.75):
        labels = predict_labels(Threshold(), image, PATCH, overlap)
        np.testing.assert_array_equal(labels, image > 0)


def test_progress_counts_every_window_once():
    seen = []
    watch = Watch(on_progress=lambda *counts: seen.append(counts))
    predict_labels(Threshold(), image_of(19, 30, 33), PATCH, watch=watch)
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]
    assert len(seen) == 4 * 3 * 3


def test_the_network_is_used_in_evaluation_mode_and_left_as_it_was():
    network = nn.Sequential(nn.Dropout(0.5), nn.Conv3d(1, 2, 1)).train()
    first, second = (predict_probabilities(network, image_of(8, 16, 16), PATCH) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert network.training


def test_a_stop_request_ends_inference_between_windows():
    asked = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(StopRequested):
        predict_labels(Threshold(), image_of(30, 40, 40), PATCH, watch=Watch(should_stop=should_stop))
    assert len(asked) == 4


OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 1.0), (1.0, 1.0, 1.0), (3.1, 0.7, 1.3)])
def test_labels_come_back_on_the_inputs_exact_grid_with_the_class_values(tmp_path, spacing):
    geometry = Geometry((17, 26, 23), (1.9, 1.1, 0.9), (-12.5, 30.25, 7.0), OBLIQUE)
    array = np.zeros(geometry.size_zyx, np.float32)
    array[5:12, 8:20, 6:16] = 1
    write_volume(tmp_path / "in.nii.gz", Volume(array, geometry))
    labels = segment_file(
        model_with(Threshold(1.0), spacing),
        tmp_path / "in.nii.gz",
        tmp_path / "out.nii.gz",
        Predict(runtime="torch"),
    )
    image, written = (sitk.ReadImage(str(tmp_path / name)) for name in ("in.nii.gz", "out.nii.gz"))
    assert written.GetSize() == image.GetSize() and written.GetPixelID() == sitk.sitkUInt8
    for read in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(written, read)(), getattr(image, read)(), atol=1e-5)
    found = sitk.GetArrayFromImage(written)
    np.testing.assert_array_equal(found, labels.array)
    assert set(np.unique(found)) == {0, 3}
    assert 2 * ((found == 3) & (array == 1)).sum() / ((found == 3).sum() + array.sum()) > 0.85


def test_a_volume_smaller_than_the_patch_is_segmented():
    volume = Volume(image_of(3, 10, 40), Geometry((3, 10, 40), (1.0, 1.0, 1.0)))
    labels = segment_volume(model_with(Threshold(), (1.0, 1.0, 1.0)), volume, Predict(runtime="torch"))
    normalized = (volume.array - volume.array.mean()) / volume.array.std()
    np.testing.assert_array_equal(labels.array, 3 * (normalized > 0))


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "broken.nii.gz").write_bytes(b"not a volume")
    with pytest.raises(DataError, match="case_0007") as caught:
        segment_file(
            model_with(Threshold(), (1, 1, 1)),
            tmp_path / "broken.nii.gz",
            tmp_path / "out.nii.gz",
            case="case_0007",
        )
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["broken.nii.gz"]


def test_only_the_largest_piece_of_each_class_is_kept():
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[1:5, 1:5, 1:5] = 1
    labels[5, 5, 5] = 1  # touches at a corner: belongs to the piece
    labels[8:10, 8:10, 8:10] = 1
    labels[1:3, 8:10, 8:10] = 2
    labels[8, 1, 1] = 2
    cleaned = keep_largest_components(labels)
    assert (cleaned == 1).sum() == 65 and cleaned[5, 5, 5] == 1 and not cleaned[8:10, 8:10, 8:10].any()
    assert (cleaned == 2).sum() == 8 and cleaned[8, 1, 1] == 0
    assert labels[8, 1, 1] == 2, "the input is not changed"


def test_the_largest_component_is_an_option_of_a_segmentation():
    array = np.zeros((16, 20, 20), np.float32)
    array[2:8, 2:10, 2:10] = 1
    array[12:14, 15:17, 15:17] = 1
    volume = Volume(array, Geometry((16, 20, 20), (1.0, 1.0, 1.0)))
    model = model_with(Threshold(1.0), (1.0, 1.0, 1.0))
    whole = segment_volume(model, volume, Predict(runtime="torch")).array
    cleaned = segment_volume(model, volume, Predict(runtime="torch", largest_component=True)).array
    assert (whole > 0).sum() == array.sum() and (cleaned > 0).sum() == 6 * 8 * 8
    usual = replace(model, usage=Usage(largest_component=True))
    assert np.array_equal(segment_volume(usual, volume, runtime=TorchRuntime(model.network)).array, cleaned)
    assert np.array_equal(segment_volume(usual, volume, Predict(runtime="torch")).array, whole)


class OutOfMemory(TorchRuntime):
    """A runtime that says it is on a GPU, where memory lasts for so many windows at once."""

    def __init__(self, windows: int) -> None:
        super().__init__(Threshold())
        self.windows, self.calls = windows, 0

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if len(windows) > self.windows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().__call__(windows)


def steps_of(runtime: TorchRuntime, warnings: list[str]) -> MemoryLadder:
    """The ladder of a GPU, with every device replaced by the CPU of the test."""
    ladder = MemoryLadder(runtime, lambda code, text: warnings.append(text))
    cpu = torch.device("cpu")
    ladder._steps = iter(
        [
            MemoryLadder.Step(runtime, 1, cpu, "one window at a time"),
            MemoryLadder.Step(runtime.on_cpu(), 1, cpu, "the CPU, one window at a time"),
        ]
    )
    ladder._step = MemoryLadder.Step(runtime, 4, cpu, "4 windows at once")
    return ladder


@pytest.mark.parametrize("windows, warned", [(4, 0), (1, 1), (0, 2)])
def test_memory_that_runs_out_leads_to_smaller_steps_with_a_warning_each(windows, warned, monkeypatch):
    warnings: list[str] = []
    monkeypatch.setattr(
        "CFRTrain.models.windows.MemoryLadder", lambda runtime, on_warning: steps_of(runtime, warnings)
    )
    image, seen = image_of(19, 30, 33), []
    watch = Watch(on_progress=lambda done, total: seen.append((done, total)))
    labels = predict_labels(OutOfMemory(windows), image, PATCH, watch=watch)
    np.testing.assert_array_equal(labels, image > 0)
    assert len(warnings) == warned and seen[-1] == (36, 36)


def test_memory_that_runs_out_on_the_cpu_is_a_clear_error():
    with pytest.raises(MemoryLimitError, match="one window at a time") as caught:
        predict_labels(OutOfMemory(0), image_of(8, 16, 16), PATCH)
    assert caught.value.exit_code == 4


def test_other_failures_are_not_taken_for_missing_memory():
    class Broken(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="do not fit"):
        predict_labels(Broken(), image_of(8, 16, 16), PATCH)


def test_segmenting_does_not_import_what_takes_longer_than_it(tmp_path):
    code = (
        "import sys, CFRTrain.models.inference; print(*{'monai', 'transformers', 'peft'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_real_volume_is_segmented_on_its_own_grid(data_root, tmp_path):
    path = sorted((data_root / "hippocampus" / "images").glob("*.nii.gz"))[0]
    volume = read_volume(path, "case_0001")
    labels = segment_file(
        model_with(Threshold(0.5), (1.5, 1.5, 1.5)), path, tmp_path / "out.nrrd", Predict(runtime="torch")
    )
    assert labels.geometry == volume.geometry
    assert read_volume(tmp_path / "out.nrrd", "case_0001").geometry.same_grid(volume.geometry)


def test_an_image_smaller_than_the_window_goes_on_with_its_edge_voxels():
    network, image = nn.Conv3d(1, 2, 3, padding=1), image_of(5, 12, 7)
    widened = np.pad(image, ((5, 6), (2, 2), (4, 5)), mode="edge")
    with torch.no_grad():
        expected = torch.softmax(network(torch.from_numpy(widened)[None, None]), 1)[0, :, 5:10, 2:14, 4:11]
    found = predict_probabilities(network, image, (16, 16, 16))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
