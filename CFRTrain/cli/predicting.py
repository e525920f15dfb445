"""`predict`: volumes in, label maps on their exact grids out."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from CFRTrain.cli.create import VOLUME_SUFFIXES, volume_stem
from CFRTrain.models.inference import segment_file
from CFRTrain.models.package import load_model
from CFRTrain.models.runtimes import choose_runtime
from CFRTrain.runs.errors import DataError, JobError
from CFRTrain.runs.job import Predict
from CFRTrain.training.precision import limit_threads


def predict_files(options: Namespace) -> int:
    """Segments each input; a failure is reported and the next one begun. Exit code 3 where one failed."""
    limit_threads(options.threads)
    predict = _options(options)
    model = load_model(options.model)
    runtime = choose_runtime(model, predict.runtime, predict.precision, on_warning=_warn)
    failures = 0
    for source, target in _targets(options.inputs, options.output):
        try:
            segment_file(model, source, target, predict, runtime=runtime, on_warning=_warn)
            sys.stdout.write(f"{target}\n")
        except DataError as error:
            failures += 1
            sys.stderr.write(f"{error}\n")
    return DataError.exit_code if failures else 0


def _options(options: Namespace) -> Predict:
    """Raises JobError where a value is not possible."""
    try:
        return Predict(options.overlap, options.runtime, options.precision, options.largest_component)
    except ValueError as error:
        raise JobError("bad_option", f"{error}.", "See `predict --help`.") from error


def _targets(inputs: list[Path], output: Path) -> list[tuple[Path, Path]]:
    """Input and output files. Raises JobError where several inputs would overwrite one file."""
    if len(inputs) == 1 and not output.is_dir() and output.suffix:
        if not output.name.lower().endswith(VOLUME_SUFFIXES):
            raise JobError(
                "bad_output", f"{output.name} is no volume file.", f"End it with {VOLUME_SUFFIXES[1]}."
            )
        return [(inputs[0], output)]
    output.mkdir(parents=True, exist_ok=True)
    pairs = [(source, output / f"{volume_stem(source) or source.name}.nii.gz") for source in inputs]
    if len({target for _, target in pairs}) < len(pairs):
        raise JobError("same_name", "Two inputs have the same name.", "Segment them into different folders.")
    return pairs


def _warn(code: str, text: str) -> None:
    sys.stderr.write(f"warning ({code}): {text}\n")
