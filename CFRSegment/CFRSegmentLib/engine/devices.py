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

    @property
    def isGpu(self) -> bool:
        """Whether it is a graphics processor."""
        return self.id != "cpu"


def devicesFrom(messages: Iterable[Mapping[str, Any]]) -> tuple[Device, ...]:
    """The devices in the messages of the verb `devices`, best first; what is no device is passed over."""
    raise NotImplementedError


def chosenDevice(devices: Iterable[Device], wanted: str) -> Device | None:
    """The device that a training with the setting `wanted` (auto, cpu, cuda, cuda:1) would use."""
    raise NotImplementedError
