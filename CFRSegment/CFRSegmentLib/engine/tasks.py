"""The engine's short tasks, each as a VerbProcess ready to be started. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .verb_process import VerbProcess

Variables = Mapping[str, str]


def listDevices(python: Path | str, environment: Variables) -> VerbProcess:
    """Messages: device. Read them with `devicesFrom`."""
    return VerbProcess(python, environment, "devices")


def estimateRun(python: Path | str, environment: Variables, runFolder: Path) -> VerbProcess:
    """Examines the cases of a built run and estimates it; its results are kept for the training.

    Messages: progress, warning, estimate. Read them with `estimateFrom`.
    """
    return VerbProcess(python, environment, "estimate", Path(runFolder).absolute())


def suggestCases(
    python: Path | str,
    environment: Variables,
    cases: Mapping[str, Any],
    run: Path | None = None,
    count: int = 50,
    threads: int = 0,
) -> VerbProcess:
    """Looks for the cases whose labels would help most. cases: what `casesToAsk` gives.

    run: a finished one that is asked what it doubts; in it only suggestions/ grows, which makes the next look
    quick. Without it the images alone are looked at. Messages: progress (stages score and embed, in cases),
    suggestions, suggestion. Read them with `suggestionsFrom`.
    """
    asked = ("--run", Path(run).absolute()) if run is not None else ()
    options = ("--count", str(count), "--threads", str(threads), *asked)
    return VerbProcess(python, environment, "suggest", ".", *options, files={"cases.json": cases})


def downloadWeights(
    python: Path | str, environment: Variables, model: str, folder: Path, mirror: str = ""
) -> VerbProcess:
    """Official SAM weights (vit_b, vit_l, vit_h) into `folder`; canceled, it goes on the next time.

    mirror: another address of the same file; its checksum is verified all the same. Messages: progress in
    bytes, weights (model, file).
    """
    address = ("--url", mirror) if mirror else ()
    folder = Path(folder).absolute()
    return VerbProcess(python, environment, "weights", "download", model, "--folder", folder, *address)


def installWeights(python: Path | str, environment: Variables, file: Path, folder: Path) -> VerbProcess:
    """A weights file, verified and copied into `folder`. Messages: progress in bytes, weights."""
    places = (Path(file).absolute(), "--folder", Path(folder).absolute())
    return VerbProcess(python, environment, "weights", "install", *places)


def verifyWeights(python: Path | str, environment: Variables, file: Path) -> VerbProcess:
    """Whether `file` is an official one. Messages: progress in bytes, weights (model, file)."""
    return VerbProcess(python, environment, "weights", "verify", Path(file).absolute())


def collectVolumes(
    python: Path | str, environment: Variables, sources: Sequence[Path], folder: Path
) -> VerbProcess:
    """Reads files, DICOM folders and folders of them; puts the good ones into `folder` under neutral names.

    Messages: progress (stage "search": volumes are looked for, then "collect"), case: {index, source, kind
    ("file", "dicom"), series_uid, series_number, description, modality, ok, file, sha256, warning, size_xyz,
    spacing_xyz} or {..., ok: false, code, text, remedy}. Exit code 3 where one was bad; no `problem` then.
    """
    listed = [str(Path(source).absolute()) for source in sources]
    return VerbProcess(python, environment, "collect", "--output", Path(folder).absolute(), listed=listed)


def predictVolumes(
    python: Path | str,
    environment: Variables,
    model: Path,
    pairs: Sequence[tuple[Path, Path]],
    device: str = "auto",
) -> VerbProcess:
    """Segments each (input, output) pair, label maps on the input's exact grid; goes on after a failure.

    Messages: progress (stage "predict", index of the pair; windows of the volume in work), case: {index,
    input, output, ok, seconds, volumes_ml: {class value: milliliters}} or {..., ok: false, code, text,
    remedy}. Exit code 3 where one failed; no `problem` then.
    """
    listed = [
        {"input": str(Path(source).absolute()), "output": str(Path(target).absolute())}
        for source, target in pairs
    ]
    model = Path(model).absolute()
    return VerbProcess(python, environment, "predict", model, "--device", device, listed=listed)


def inspectModel(python: Path | str, environment: Variables, model: Path) -> VerbProcess:
    """Verifies a model file completely, network included. Messages: model (parameters, description)."""
    return VerbProcess(python, environment, "inspect", Path(model).absolute())
