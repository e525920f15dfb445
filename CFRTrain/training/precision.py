"""Device, number format and thread count of a run, decided from what the machine really supports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import SimpleITK as sitk
import torch

from CFRTrain.runs.errors import DependencyError


def choose_device(name: str) -> torch.device:
    """Return the device for "auto", "cpu", "mps", "cuda" or "cuda:1"; "auto" takes a GPU when there is one.

    Raises DependencyError when a GPU is asked for by name and cannot be used.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if not _usable(device):
        raise DependencyError(
            code="device_missing",
            text=f"The device {name} was asked for, but this PyTorch cannot use it.",
            remedy="Choose the device auto or cpu, or install a PyTorch build that fits the GPU driver.",
        )
    return device


def _usable(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    return device.type == "cpu" or (device.type == "mps" and torch.backends.mps.is_available())


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the hardware computes in it, else None (stay in float32).

    On CPUs without bfloat16 instructions it is emulated and about a hundred times slower than float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else None
    if device.type == "cpu":
        able = getattr(torch.cpu, "get_capabilities", dict)()  # older versions cannot tell
        return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else None
    return None


def autocast(device: torch.device, dtype: torch.dtype | None) -> contextlib.AbstractContextManager[object]:
    """Return the context in which a forward pass runs in `dtype`; with None it changes nothing."""
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def limit_threads(count: int) -> None:
    """Let PyTorch and SimpleITK use `count` threads; 0 leaves their own choice, all cores."""
    if count > 0:
        torch.set_num_threads(count)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)


@contextlib.contextmanager
def isolated_randomness() -> Iterator[None]:
    """Give the caller's random state back at the end; inside, cuDNN takes only repeatable algorithms."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    repeatable = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with torch.random.fork_rng(devices=devices), repeatable:
        yield
