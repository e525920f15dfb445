"""`predict`: volumes in, label maps on their exact grids out; one failure does not end the batch."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from CFRTrain.cli.create import VOLUME_SUFFIXES, volume_stem
from CFRTrain.cli.messages import Messages
from CFRTrain.cli.stopping import StopSign, stop_sign
from CFRTrain.models.inference import segment_file
from CFRTrain.models.package import Model, load_model
from CFRTrain.models.runtimes import Runtime, choose_runtime
from CFRTrain.models.windows import Watch
from CFRTrain.runs.errors import CFRError, DataError, DiskFullError, JobError, StopRequested
from CFRTrain.runs.job import Predict
from CFRTrain.training.precision import limit_threads

Pair = tuple[Path, Path]


def predict_files(options: Namespace) -> int:
    """Segments each input; a failure is said and the next one begun. Exit code 3 where one failed."""
    messages = Messages()
    with messages.ending(), stop_sign(options.stop_file) as sign:
        limit_threads(options.threads)
        given, pairs = _given(options), pairs_of(options)
        model = load_model(options.model)
        predict = model.usage.predict(**given)
        runtime = choose_runtime(
            model, predict.runtime, predict.precision, options.device, on_warning=messages.warning
        )
        batch = _Batch(model, runtime, predict, messages, sign)
        failures = sum(not batch.segment(index, *pair) for index, pair in enumerate(pairs))
    return DataError.exit_code if failures else 0


class _Batch:
    """What all volumes of one command have in common."""

    def __init__(
        self, model: Model, runtime: Runtime, predict: Predict, messages: Messages, sign: StopSign
    ) -> None:
        self._model, self._runtime, self._predict = model, runtime, predict
        self._messages, self._sign = messages, sign

    def segment(self, index: int, source: Path, target: Path) -> bool:
        """Segments one volume and says how it went; whether it went well.

        Raises StopRequested, and DiskFullError, with which no other volume would go better.
        """
        said = {"index": index, "input": str(source), "output": str(target)}
        start = time.monotonic()
        self._sign.raise_if_set()
        watch = Watch(
            lambda done, of: self._messages.progress("predict", done, of, index=index),
            self._messages.warning,
            self._sign,
        )
        try:
            labels = segment_file(
                self._model, source, target, self._predict, runtime=self._runtime, watch=watch
            )
        except (StopRequested, DiskFullError):
            raise
        except (CFRError, OSError, RuntimeError, MemoryError) as error:
            self._messages.send("case", f"{source}: {error}", **said, ok=False, **_described(error))
            return False
        volumes = volumes_ml(labels.array, labels.geometry.spacing_zyx)
        seconds = round(time.monotonic() - start, 2)
        self._messages.send("case", f"{target}", **said, ok=True, seconds=seconds, volumes_ml=volumes)
        return True


def volumes_ml(labels: np.ndarray, spacing_zyx: tuple[float, float, float]) -> dict[str, float]:
    """Milliliters of each class value that a label map (z, y, x) shows; spacing in mm."""
    counts, voxel = np.bincount(labels.ravel()), float(np.prod(spacing_zyx)) / 1000
    return {str(value): round(float(counts[value]) * voxel, 3) for value in np.flatnonzero(counts) if value}


def _described(error: Exception) -> dict[str, str]:
    """Why one volume failed, as fields of a message."""
    if isinstance(error, CFRError):
        return {"code": error.code, "text": error.text, "remedy": error.remedy}
    text = f"The volume could not be segmented ({type(error).__name__}: {error})."
    return {"code": "unexpected", "text": text, "remedy": "Try again; if it fails again, report it."}


def _given(options: Namespace) -> dict[str, Any]:
    """What the command line sets; the model says the rest. Raises JobError where a value is not possible."""
    names = ("overlap", "largest_component", "runtime", "precision")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    try:
        Predict(**given)
        return given
    except ValueError as error:
        raise JobError("bad_option", f"{error}.", "See `predict --help`.") from error


def pairs_of(options: Namespace) -> list[Pair]:
    """Input and output files, from the command line or from `--list`. Raises JobError for neither or both."""
    if options.list is not None and not options.inputs:
        return _listed(options.list)
    if not options.inputs or options.list is not None or options.output is None:
        raise JobError(
            "no_inputs",
            "Inputs and an output are to be named, or a list of both.",
            "Give volumes and --output, or --list FILE alone.",
        )
    return _targets(options.inputs, options.output)


def _listed(file: Path) -> list[Pair]:
    """The pairs of a JSON list [{"input": ..., "output": ...}, ...]."""
    try:
        pairs = [(Path(item["input"]), Path(item["output"])) for item in json.loads(file.read_text("utf-8"))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise JobError(
            "bad_list", "The list of volumes cannot be read.", 'Give JSON: [{"input": "a", "output": "b"}].'
        ) from error
    for _, target in pairs:
        _require_volume_name(target)
    return _distinct(pairs)


def _targets(inputs: list[Path], output: Path) -> list[Pair]:
    """Where the results of some inputs go: one file, or files in a folder."""
    if len(inputs) == 1 and not output.is_dir() and output.suffix:
        _require_volume_name(output)
        return [(inputs[0], output)]
    output.mkdir(parents=True, exist_ok=True)
    return _distinct([(source, output / f"{volume_stem(source) or source.name}.nii.gz") for source in inputs])


def _require_volume_name(output: Path) -> None:
    if not output.name.lower().endswith(VOLUME_SUFFIXES):
        raise JobError(
            "bad_output", f"{output.name} is no volume file.", f"End it with {VOLUME_SUFFIXES[1]}."
        )


def _distinct(pairs: list[Pair]) -> list[Pair]:
    """The pairs. Raises JobError where one result would overwrite another one."""
    if len({target for _, target in pairs}) < len(pairs):
        raise JobError("same_name", "Two inputs have the same name.", "Segment them into different folders.")
    return pairs
