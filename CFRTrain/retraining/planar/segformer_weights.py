"""SegFormer's published weights: a safetensors file that must fit in names and shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from CFRTrain.runs.errors import DependencyError, ModelError

HOME_PAGE = "https://huggingface.co/nvidia/segformer-b2-finetuned-ade-512-512"
NEVER_USED = ("decode_head.classifier.",)  # the classes of ADE20K


def find_file(path: Path) -> Path:
    """Return the weights file at `path`, a file or a folder with model.safetensors. Raises ModelError."""
    found = path / "model.safetensors" if path.is_dir() else path
    if not found.is_file():
        raise ModelError(
            "segformer_weights_absent",
            "The named weights file of SegFormer does not exist.",
            f"Get model.safetensors from {HOME_PAGE} and name its place in mn.weights, or set that to null.",
        )
    if found.suffix != ".safetensors":
        raise ModelError(
            "segformer_weights_format",
            f"{found.name} is not a safetensors file; other formats can hold code and are not opened.",
            f"Get model.safetensors from {HOME_PAGE}, or convert the file with the tools of safetensors.",
        )
    return found


def read_file(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the tensors by their published names, and the file's SHA-256. Raises ModelError."""
    try:
        data = path.read_bytes()
        return load_tensors(data), hashlib.sha256(data).hexdigest()
    except (OSError, SafetensorError) as error:
        raise ModelError(
            "segformer_weights_damaged",
            f"The weights file {path.name} cannot be read ({error}).",
            f"Get it again from {HOME_PAGE}.",
        ) from error


def load_published(config: Any, state: dict[str, Tensor], file_name: str) -> Any:
    """Return transformers' SegFormer of this configuration with the published tensors. Raises ModelError.

    transformers translates the published names into those of its own version.
    """
    model_class = segformer_classes()[1]
    used = {key: value for key, value in state.items() if not key.startswith(NEVER_USED)}
    try:
        with _quiet():
            model, told = model_class.from_pretrained(
                None, config=config, state_dict=used, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except (RuntimeError, ValueError, OSError) as error:
        raise _mismatch(file_name, str(error)) from error
    missing = [key for key in told["missing_keys"] if not key.startswith(NEVER_USED)]
    problems = [f"{key} is missing" for key in sorted(missing)]
    problems += [f"{key} is unknown" for key in sorted(told["unexpected_keys"])]
    problems += [f"{item[0]} has another shape" for item in sorted(told["mismatched_keys"])]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise _mismatch(file_name, "; ".join(problems[:3]) + more)
    return model.float()


def segformer_classes() -> tuple[Any, Any]:
    """Return transformers' configuration and model of SegFormer, imported late: that takes seconds.

    Raises DependencyError.
    """
    try:
        from transformers import SegformerConfig, SegformerForSemanticSegmentation
    except ImportError as error:
        raise DependencyError(
            "transformers_missing",
            f"The Python package transformers cannot be used: {error}.",
            "Install transformers and peft into this Python, or set mn.model to small or sam.",
        ) from error
    return SegformerConfig, SegformerForSemanticSegmentation


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and tables: the run has its own events."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _mismatch(file_name: str, problem: str) -> ModelError:
    return ModelError(
        "segformer_weights_mismatch",
        f"{file_name} does not fit SegFormer-B2: {problem}.",
        f"Use model.safetensors from {HOME_PAGE}.",
    )
