"""From a PyTorch network to an OpenVINO graph, kept on disk beside the model.

The frontend is used directly and not `openvino.convert_model`: that one reports every call to a server, and
no program that reads patients' images may do so. It also traces the network three times to check itself;
here the graph's logits are compared with the network's once, which tests more.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from CFRTrain.models.openvino_import import import_openvino
from CFRTrain.retraining.encoder_decoder import EncoderDecoder

if TYPE_CHECKING:
    import openvino

SAME_LOGITS = 1e-3
"""Largest accepted difference of logits, relative to the largest; what was seen is below 1e-4."""
PARTS = ("xml", "bin")


def converted_network(
    network: EncoderDecoder, weights_sha256: str, window: Sequence[int], cache: Path | None
) -> openvino.Model:
    """The graph of `network` for one window (channels, z, y, x), from `cache` where it is intact there.

    Raises RuntimeError if OpenVINO cannot convert the network or its logits differ from PyTorch's.
    """
    openvino = import_openvino()
    key = _key(weights_sha256, openvino.get_version(), window)
    graph = None if cache is None else _read(cache, key)
    if graph is None:
        graph = convert(network, int(window[0]))
        _check_logits(network, graph, int(window[0]))
        graph.reshape([1, *window])
        if cache is not None:
            _write(cache, key, graph)
    return graph


def convert(network: EncoderDecoder, channels: int) -> openvino.Model:
    """The graph of `network` for windows of any size (1, channels, z, y, x). Raises RuntimeError."""
    import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = _small_window(network, channels)
    with torch.inference_mode(), warnings.catch_warnings():
        # The network's own check of its input's sides is the only branch, and the sides are fixed below.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(network, example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        # Without shared memory, so that the graph outlives the network; the decoder is named to stay alive.
        decoder = TorchScriptPythonDecoder(traced, shared_memory=False)
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape([1, channels, -1, -1, -1])
    return graph


def _small_window(network: EncoderDecoder, channels: int) -> Tensor:
    """Noise in the smallest cube that leaves more than one voxel at the bottleneck, to be quick."""
    side = 2 * 2 ** (network.levels - 1)
    return torch.randn(1, channels, side, side, side, generator=torch.Generator().manual_seed(0))


def _check_logits(network: EncoderDecoder, graph: openvino.Model, channels: int) -> None:
    """Raises RuntimeError where the graph computes something else than the network."""
    openvino = import_openvino()
    window = _small_window(network, channels)
    with torch.inference_mode():
        expected = network(window).numpy()
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([window.numpy()])[0]
    difference = float(np.abs(found - expected).max())
    if found.shape != expected.shape or not difference <= SAME_LOGITS * max(
        1.0, float(np.abs(expected).max())
    ):
        raise RuntimeError(f"its logits differ from PyTorch's by {difference:.3g}")


def _key(weights_sha256: str, version: str, window: Sequence[int]) -> str:
    sides = [int(side) for side in window]
    return hashlib.sha256(json.dumps([weights_sha256, version, sides]).encode()).hexdigest()[:32]


def _read(cache: Path, key: str) -> openvino.Model | None:
    """The cached graph, or None where it is absent or not what was written."""
    openvino = import_openvino()
    try:
        hashes = json.loads((cache / f"{key}.json").read_text(encoding="utf-8"))
        for part in PARTS:
            content = (cache / f"{key}.{part}").read_bytes()
            if hashlib.sha256(content).hexdigest() != hashes[part]:
                return None
        return openvino.Core().read_model(cache / f"{key}.xml")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None


def _write(cache: Path, key: str, graph: openvino.Model) -> None:
    """Keeps the graph, and only it: whatever was there belongs to other weights or another OpenVINO.

    A model on a disk that cannot be written to is converted each time, which takes some seconds.
    """
    openvino = import_openvino()
    temporary = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # not by `tempfile`, whose folders are closed to others: on Windows a file moved out of one stays so
        temporary = cache / f".converting-{uuid.uuid4().hex}"
        temporary.mkdir()
        openvino.save_model(graph, temporary / f"{key}.xml", compress_to_fp16=False)
        hashes = {
            part: hashlib.sha256((temporary / f"{key}.{part}").read_bytes()).hexdigest() for part in PARTS
        }
        (temporary / f"{key}.json").write_text(json.dumps(hashes), encoding="utf-8")
        for stale in cache.glob("*.*"):
            if stale.is_file():
                stale.unlink()
        for suffix in (*PARTS, "json"):
            os.replace(temporary / f"{key}.{suffix}", cache / f"{key}.{suffix}")
    except (OSError, RuntimeError):
        return
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
