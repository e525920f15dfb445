"""Why a training cannot start, found before anything is begun. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .devices import Device
from .estimate import Estimate
from .problems import Problem
from .settings import TrainSettings


@dataclass(frozen=True)
class EngineEnvironment:
    """What the engine would run in; the viewer fills it (in Slicer: PythonSlicer, the startup environment).

    missingPackages: names of `Installer.missing()`. devices: what the verb `devices` listed, empty = unknown.
    """

    python: Path | None
    variables: Mapping[str, str] = field(default_factory=dict)
    missingPackages: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()


def preflight(cohort: Any, settings: TrainSettings, environment: EngineEnvironment) -> tuple[Problem, ...]:
    """Every reason why training cannot start (blocking) or should be thought over (not blocking). Cheap.

    Codes: no_classes, few_labeled, few_unlabeled, read_only, run_active, missing_packages, no_python,
    no_engine, weights_absent, weights_missing, bad_settings, device_unusable, disk_space; not blocking:
    on_cpu, paper_on_cpu.
    """
    raise NotImplementedError


def estimateProblems(estimate: Estimate, device: Device | None) -> tuple[Problem, ...]:
    """What an estimate says against starting: memory_short (not blocking), naming smaller settings."""
    raise NotImplementedError
