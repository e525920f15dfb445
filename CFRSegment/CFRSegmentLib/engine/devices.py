"""The processors that the engine can train on, as its verb `devices` lists them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Device:
    """One device. Bytes are None where the system does not tell; `reason` says why it is not usable."""

    id: str
    name: str
    freeBytes: int | None
    totalBytes: int | None
    usable: bool
    reason: str = ""
    remedy: str = ""

    @property
    def isGpu(self) -> bool:
        """Whether it is a graphics processor."""
        return self.id != "cpu"


def devicesFrom(messages: Iterable[Mapping[str, Any]]) -> tuple[Device, ...]:
    """The devices in the messages of the verb `devices`, GPUs first; what is no device is passed over."""
    return tuple(_device(message) for message in messages if message.get("type") == "device")


def _device(message: Mapping[str, Any]) -> Device:
    return Device(
        id=str(message.get("id", "")),
        name=str(message.get("name", "")),
        freeBytes=_bytes(message.get("free_bytes")),
        totalBytes=_bytes(message.get("total_bytes")),
        usable=message.get("usable") is True,
        reason=str(message.get("problem") or ""),
        remedy=str(message.get("remedy") or ""),
    )


def _bytes(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def chosenDevice(devices: Iterable[Device], wanted: str) -> Device | None:
    """The device that a training with the setting `wanted` (auto, cpu, cuda, cuda:1) uses; None if unknown.

    auto is the first CUDA device that can be used, the processor where there is none.
    """
    known = {device.id: device for device in devices}
    if wanted == "auto":
        gpus = [device for device in known.values() if device.id.startswith("cuda") and device.usable]
        return gpus[0] if gpus else known.get("cpu")
    return known.get("cuda:0" if wanted == "cuda" else wanted)
