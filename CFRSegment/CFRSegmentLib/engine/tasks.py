"""The engine's short tasks, each as a VerbProcess ready to be started. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .verb_process import VerbProcess

Variables = Mapping[str, str]


def listDevices(python: Path | str, environment: Variables) -> VerbProcess:
    """Messages: device. Read them with `devicesFrom`."""
    return VerbProcess(python, environment, "devices")


def estimateRun(python: Path | str, environment: Variables, runFolder: Path) -> VerbProcess:
    """Examines the cases of a built run and estimates it; its results are kept for the training.

    Messages: progress, warning, estimate. Read them with `estimateFrom`.
    """
    return VerbProcess(python, environment, "estimate", runFolder)


def downloadWeights(python: Path | str, environment: Variables, model: str, folder: Path) -> VerbProcess:
    """Official SAM weights (vit_b, vit_l, vit_h) into `folder`. Messages: progress in bytes, weights."""
    return VerbProcess(python, environment, "weights", "download", model, "--folder", folder)


def installWeights(python: Path | str, environment: Variables, file: Path, folder: Path) -> VerbProcess:
    """A weights file, verified and copied into `folder`. Messages: progress in bytes, weights."""
    return VerbProcess(python, environment, "weights", "install", file, "--folder", folder)


def verifyWeights(python: Path | str, environment: Variables, file: Path) -> VerbProcess:
    """Whether `file` is an official one. Messages: progress, weights (model, file)."""
    return VerbProcess(python, environment, "weights", "verify", file)


def collectVolumes(
    python: Path | str, environment: Variables, sources: Sequence[Path], folder: Path
) -> VerbProcess:
    """Reads files, DICOM folders and folders of them; puts the good ones into `folder` under neutral names.

    Messages: progress, case: {index, source, ok, file, kind ("file", "dicom"), series_uid, modality,
    size_xyz, spacing_xyz} or {index, source, ok: false, code, text, remedy}. Exit code 3 where one was bad.
    """
    raise NotImplementedError


def predictVolumes(
    python: Path | str,
    environment: Variables,
    model: Path,
    pairs: Sequence[tuple[Path, Path]],
    device: str = "auto",
) -> VerbProcess:
    """Segments each (input, output) pair, label maps on the input's exact grid; goes on after a failure.

    Messages: progress (stage "predict": percent of the volume in work), case: {index, input, output, ok,
    seconds, volumes_ml} or {..., ok: false, code, text, remedy}. Exit code 3 where one failed.
    """
    raise NotImplementedError


def inspectModel(python: Path | str, environment: Variables, model: Path) -> VerbProcess:
    """Verifies a model file completely, network included. Messages: model (its description)."""
    return VerbProcess(python, environment, "inspect", model)
