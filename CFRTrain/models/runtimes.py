"""What executes a network on windows: PyTorch anywhere, OpenVINO for speed on CPUs.

Both give float32 logits that agree; float32 arithmetic is the default so that a segmentation does not
depend on the machine. bfloat16 is used only on request and only where the processor computes in it.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from CFRTrain.models.openvino_import import import_openvino
from CFRTrain.models.package import Model
from CFRTrain.retraining.encoder_decoder import EncoderDecoder
from CFRTrain.runs.errors import DependencyError
from CFRTrain.training.memory import ran_out_of_memory
from CFRTrain.training.precision import autocast, autocast_dtype, choose_device

Warn = Callable[[str, str], None]
"""Takes a code and a sentence, as `EventLog.warning` does."""


class Runtime(Protocol):
    """Logits (B, C, z, y, x), float32, of windows (B, channels, z, y, x), float32, both on `device`."""

    name: str
    device: torch.device

    def __call__(self, windows: Tensor) -> Tensor: ...


class TorchRuntime:
    """A copy of a network, executed by PyTorch without gradients.

    precision "bf16" is taken only where `autocast_dtype` finds it supported; `self.precision` tells.
    """

    name = "torch"

    def __init__(
        self, network: nn.Module, device: torch.device | None = None, precision: str = "f32"
    ) -> None:
        parameter = next(network.parameters(), None)
        self.device = device or (parameter.device if parameter is not None else torch.device("cpu"))
        self._dtype = autocast_dtype(self.device) if precision == "bf16" else None
        self.precision = "f32" if self._dtype is None else "bf16"
        layout = torch.channels_last_3d if self.device.type == "cpu" else torch.contiguous_format
        self._network = copy.deepcopy(network).eval().to(self.device, memory_format=layout)
        self._layout = layout

    def __call__(self, windows: Tensor) -> Tensor:
        with torch.inference_mode(), autocast(self.device, self._dtype):
            return self._network(windows.contiguous(memory_format=self._layout)).float()

    def on_cpu(self) -> TorchRuntime:
        """The same network in float32 on the CPU."""
        return TorchRuntime(self._network, torch.device("cpu"))


class OpenVinoRuntime:
    """A network compiled by OpenVINO for this CPU and one window size.

    precision "bf16" is taken only where the processor has it; `self.precision` tells.
    """

    name = "openvino"
    device = torch.device("cpu")

    def __init__(
        self,
        network: EncoderDecoder,
        weights_sha256: str,
        window: Sequence[int],
        cache: Path | None = None,
        precision: str = "f32",
    ) -> None:
        """window: sides (channels, z, y, x). cache: folder for the converted network, or None.

        Raises DependencyError if OpenVINO is not installed, RuntimeError if it cannot convert the network.
        """
        if not openvino_is_installed():
            raise _openvino_missing()
        from CFRTrain.models.openvino_conversion import converted_network

        core = import_openvino().Core()
        supported = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = "bf16" if precision == "bf16" and supported else "f32"
        graph = converted_network(network, weights_sha256, window, cache)
        # Left alone, OpenVINO computes in bfloat16 wherever it can, so the precision is always named.
        options = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._request = core.compile_model(graph, "CPU", options).create_infer_request()

    def __call__(self, windows: Tensor) -> Tensor:
        logits = []
        for window in windows.split(1):
            self._request.infer([window.contiguous().numpy()], share_inputs=True)
            # The request writes its next result into the same memory, so this one is copied out.
            logits.append(torch.from_numpy(self._request.get_output_tensor().data.copy()))
        return torch.cat(logits) if len(logits) > 1 else logits[0]


def openvino_is_installed() -> bool:
    """Whether OpenVINO can be imported, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def choose_runtime(
    model: Model,
    runtime: str = "auto",
    precision: str = "f32",
    device: str = "auto",
    on_warning: Warn | None = None,
) -> Runtime:
    """The runtime for a model: "torch", "openvino", or "auto".

    "auto" takes PyTorch on a GPU, OpenVINO on a CPU where it is installed, else PyTorch. Raises
    DependencyError where OpenVINO or a GPU is asked for by name and is not there. A precision that this
    machine does not compute in, a conversion that fails in "auto", or a GPU without memory left (a training
    runs on it, say) becomes a warning and the slower way.
    """
    warn = on_warning or _ignore
    target = torch.device("cpu") if runtime == "openvino" else choose_device(device)
    use_openvino = target.type == "cpu" and openvino_is_installed()
    if runtime == "openvino" or (runtime == "auto" and use_openvino):
        try:
            chosen: TorchRuntime | OpenVinoRuntime = _openvino_runtime(model, precision)
        except RuntimeError as error:
            if runtime == "openvino":
                raise _openvino_failed(error) from error
            warn("openvino_failed", f"OpenVINO cannot run this network ({error}); PyTorch is used, slower.")
            chosen = TorchRuntime(model.network, target, precision)
    else:
        try:
            chosen = TorchRuntime(model.network, target, precision)
        except RuntimeError as error:
            if target.type == "cpu" or not ran_out_of_memory(error):
                raise
            warn("memory", "The GPU has no memory left for the network; the CPU is used, slower.")
            return choose_runtime(model, runtime, precision, "cpu", on_warning)
    if chosen.precision != precision:
        warn("precision", f"This machine does not compute in {precision}; {chosen.precision} is used.")
    return chosen


def _openvino_runtime(model: Model, precision: str) -> OpenVinoRuntime:
    cache = None if model.path is None else model.path.with_suffix(".openvino")
    window = (model.config.in_channels, *model.plan.patch_zyx)
    return OpenVinoRuntime(model.network, model.weights_sha256, window, cache, precision)


def _openvino_missing() -> DependencyError:
    return DependencyError(
        "openvino_missing",
        "OpenVINO was asked for but is not installed.",
        "Install it (pip install openvino), or choose the runtime auto or torch.",
    )


def _openvino_failed(error: Exception) -> DependencyError:
    return DependencyError(
        "openvino_failed",
        f"OpenVINO cannot run this network: {error}.",
        "Choose the runtime torch, or install another version of OpenVINO.",
    )


def _ignore(code: str, text: str) -> None:
    """Takes warnings nobody asked for."""
