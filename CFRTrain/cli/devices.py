"""`devices`: what can be computed on, tried and not just asked for."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from CFRTrain.cli.messages import Messages
from CFRTrain.runs.machine import memory_bytes

KERNEL_SIDE = 64
DRIVER_REMEDY = "Install a PyTorch build that fits this GPU and its driver, or use the CPU."


@dataclass(frozen=True)
class DeviceReport:
    """One device: bytes of its memory, None where nobody tells; why it cannot be used, and what to do."""

    id: str
    name: str
    free_bytes: int | None
    total_bytes: int | None
    usable: bool
    problem: str = ""
    remedy: str = ""


def list_devices(options: Namespace) -> int:
    """Says one `device` message for each, GPUs first; the processor is always there."""
    messages = Messages()
    with messages.ending():
        for found in devices():
            messages.send("device", readable(found), **asdict(found))
    return 0


def readable(found: DeviceReport) -> str:
    """One device as a line for a person."""
    memory = ""
    if found.free_bytes is not None and found.total_bytes is not None:
        memory = f", {found.free_bytes / 2**30:.1f} of {found.total_bytes / 2**30:.1f} GiB free"
    return f"{found.id}: {found.name}{memory}" + (f"; not usable: {found.problem}" if found.problem else "")


def devices() -> Iterator[DeviceReport]:
    """GPUs that PyTorch sees, each with a kernel really run on it, then the processor."""
    import torch

    for index in range(torch.cuda.device_count()):
        yield _cuda_device(index)
    if torch.backends.mps.is_available():
        problem = _try_kernel("mps")
        free, total = memory_bytes()
        yield _report("mps", "Apple GPU", free, total, problem)
    free, total = memory_bytes()
    yield DeviceReport("cpu", processor_name(), free, total, usable=True)


def _cuda_device(index: int) -> DeviceReport:
    """A CUDA device: its name and memory, as far as the driver tells, and whether it computes."""
    import torch

    device, name, free, total = f"cuda:{index}", f"GPU {index}", None, None
    try:
        name = torch.cuda.get_device_name(index)
        free, total = torch.cuda.mem_get_info(index)
        problem = _try_kernel(device)
    except RuntimeError as error:  # a broken driver fails at the first question already
        problem = _first_line(error)
    return _report(device, name, free, total, problem)


def _report(device: str, name: str, free: int | None, total: int | None, problem: str) -> DeviceReport:
    return DeviceReport(device, name, free, total, not problem, problem, DRIVER_REMEDY if problem else "")


def _try_kernel(device: str) -> str:
    """Runs a matrix product and a 3D convolution, forward and backward; what went wrong, empty when nothing.

    A GPU newer than the PyTorch build is found by every query and fails at the first kernel only.
    """
    import torch

    try:
        matrix = torch.ones(KERNEL_SIDE, KERNEL_SIDE, device=device)
        volume = torch.ones(1, 1, 8, 8, 8, device=device, requires_grad=True)
        result = torch.nn.functional.conv3d(volume, torch.ones(1, 1, 3, 3, 3, device=device)).sum()
        result.backward()
        right = float((matrix @ matrix)[0, 0]) == KERNEL_SIDE and float(result.detach()) == 6**3 * 27
    except RuntimeError as error:
        return _first_line(error)
    return "" if right else "It computes wrong results."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def processor_name() -> str:
    """The processor's name for people."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine() or "processor"
