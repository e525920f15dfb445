"""Why a training cannot start, found before anything is begun. Standard library only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from CFRTrain.runs.errors import JobError

from ..cohort import Cohort
from ..i18n import _
from .devices import Device, chosenDevice
from .estimate import Estimate, bytesText
from .launch import activeRun
from .location import engineFolder
from .problems import Problem
from .run_builder import classSpecs
from .settings import TrainSettings, jobOf

LEAST_FREE_BYTES = 500 << 20
FREE_PER_IMAGE_BYTE = 12  # for the image unpacked, resampled, with probabilities; the engine counts exactly
WITHOUT_UNLABELED = "supervised"


@dataclass(frozen=True)
class EngineEnvironment:
    """What the engine would run in; the viewer fills it (in Slicer: PythonSlicer, the startup environment).

    missingPackages: names of `Installer.missing()`. devices: what the verb `devices` listed, empty = unknown.
    """

    python: Path | None
    variables: Mapping[str, str] = field(default_factory=dict)
    missingPackages: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()


def preflight(cohort: Cohort, settings: TrainSettings, environment: EngineEnvironment) -> tuple[Problem, ...]:
    """Every reason why training cannot start (blocking) or should be thought over (not blocking). Cheap.

    Codes: no_classes, few_labeled, few_unlabeled, read_only, run_active, missing_packages, no_python,
    no_engine, weights_missing, bad_settings, device_unusable, disk_space; not blocking: disk_tight,
    weights_absent, gpu_unusable, on_cpu, paper_on_cpu.
    """
    return tuple(
        [
            *_ofCohort(cohort, settings),
            *_ofEngine(environment),
            *_ofSettings(cohort, settings),
            *_ofDevice(settings, environment.devices),
            *_ofDisk(cohort),
        ]
    )


def _ofCohort(cohort: Cohort, settings: TrainSettings) -> Iterator[Problem]:
    if cohort.readOnly:
        remedy = _("Open it where you may write, or copy the cohort folder.")
        yield Problem("read_only", cohort.readOnlyReason or _("The cohort is read-only."), remedy)
    if not cohort.classes:
        yield Problem("no_classes", _("No class is defined."), _("Add a class in the Annotate section."))
    roles = [item.role for item in cohort.trainingCases()]
    if "labeled" not in roles:
        text = _("No case has a label.")
        yield Problem("few_labeled", text, _("Label at least one case in the Annotate section."))
    if "unlabeled" not in roles and settings.method != WITHOUT_UNLABELED:
        text = _("There is no case without a label to learn from.")
        remedy = _("Add volumes in the Cohort section, or choose the method Supervised.")
        yield Problem("few_unlabeled", text, remedy)
    busy = activeRun(cohort.runsFolder)
    if busy is not None:
        text = _("The training {name} is still running.").format(name=busy.name)
        yield Problem("run_active", text, _("Wait until it ends, or stop it."))


def _ofEngine(environment: EngineEnvironment) -> Iterator[Problem]:
    try:
        engineFolder()
    except FileNotFoundError:
        text = _("The engine is missing from the extension.")
        yield Problem("no_engine", text, _("Install the extension again."))
    if environment.python is None or not Path(environment.python).is_file():
        text = _("The Python that runs the engine was not found.")
        yield Problem("no_python", text, _("Install 3D Slicer again."))
    if environment.missingPackages:
        text = _("Python packages are missing: {names}.")
        text = text.format(names=", ".join(environment.missingPackages))
        yield Problem("missing_packages", text, _("Press Install; it is done once."))


def _ofSettings(cohort: Cohort, settings: TrainSettings) -> Iterator[Problem]:
    if settings.usesSam and settings.weights is None:
        text = _("No SAM weights are chosen: a small SAM is trained from scratch, with weaker labels.")
        remedy = _("Download the weights or choose their file, or let the atlas label the cases.")
        yield Problem("weights_absent", text, remedy, blocking=False)
    elif settings.usesSam and not settings.weights.is_file():
        text = _("The SAM weights {name} are not on this computer.").format(name=settings.weights.name)
        yield Problem("weights_missing", text, _("Press Download or From file, or choose None."))
    if cohort.classes:
        try:
            jobOf(settings, classSpecs(cohort), onCpu=True)
        except JobError as error:
            yield Problem("bad_settings", error.text, error.remedy)


def _ofDevice(settings: TrainSettings, devices: tuple[Device, ...]) -> Iterator[Problem]:
    """Nothing where the devices are not known yet."""
    if not devices:
        return
    chosen = chosenDevice(devices, settings.device)
    if chosen is None or not chosen.usable:
        text = _("The device {device} cannot be used. {reason}")
        text = text.format(device=settings.device, reason=chosen.reason if chosen else "").strip()
        remedy = chosen.remedy if chosen and chosen.remedy else _("Choose another device.")
        yield Problem("device_unusable", text, remedy)
        return
    if settings.device == "auto":
        for device in devices:
            if device.isGpu and not device.usable:
                text = _("{name} cannot be used: {reason}").format(name=device.name, reason=device.reason)
                yield Problem("gpu_unusable", text, device.remedy, blocking=False)
    if not chosen.isGpu:
        yield from _onProcessor(settings)


def _onProcessor(settings: TrainSettings) -> Iterator[Problem]:
    text = _("The training runs on the processor, which is many times slower than a GPU.")
    remedy = _("See the estimate of the time; the preset Preview is the quickest.")
    yield Problem("on_cpu", text, remedy, blocking=False)
    if settings.preset == "paper":
        text = _("The preset Paper is made for a GPU and takes days on a processor.")
        yield Problem("paper_on_cpu", text, _("Choose the preset Standard."), blocking=False)


def _ofDisk(cohort: Cohort) -> Iterator[Problem]:
    """Too little space for anything, or less than a run of these images is likely to need."""
    try:
        free = shutil.disk_usage(cohort.folder).free
        images = sum(item.case.image.stat().st_size for item in cohort.trainingCases() if item.case.image)
    except OSError:
        return
    likely = FREE_PER_IMAGE_BYTE * images
    text = _("{free} are free on the disk of the cohort.").format(free=bytesText(free))
    if free < LEAST_FREE_BYTES:
        remedy = _("Free at least {needed}.").format(needed=bytesText(max(LEAST_FREE_BYTES, likely)))
        yield Problem("disk_space", text, remedy)
    elif free < likely:
        remedy = _("A training is likely to need {needed}.").format(needed=bytesText(likely))
        yield Problem("disk_tight", text, remedy, blocking=False)


def estimateProblems(estimate: Estimate, devices: tuple[Device, ...]) -> tuple[Problem, ...]:
    """What an estimate says against starting: memory_short, gpu_memory_short (not blocking).

    devices: what the verb `devices` listed; what is not known is no problem. `smallerSettings` gives settings
    to offer.
    """
    known = {device.id: device for device in devices}
    processor, gpu = known.get("cpu"), known.get("cuda:0" if estimate.device == "cuda" else estimate.device)
    found = []
    if gpu is not None and gpu.isGpu and _isShort(gpu.freeBytes, estimate.gpuMemoryBytes):
        text = _("The training needs about {needed} of GPU memory; {free} are free on {name}.")
        text = text.format(
            needed=bytesText(estimate.gpuMemoryBytes), free=bytesText(gpu.freeBytes), name=gpu.name
        )
        found.append(Problem("gpu_memory_short", text, _smallerRemedy(), blocking=False))
    if processor is not None and _isShort(processor.freeBytes, estimate.memoryBytes):
        text = _("The training needs about {needed} of memory; {free} are free.")
        text = text.format(needed=bytesText(estimate.memoryBytes), free=bytesText(processor.freeBytes))
        found.append(Problem("memory_short", text, _smallerRemedy(), blocking=False))
    return tuple(found)


def _smallerRemedy() -> str:
    return _("Close other programs, or choose smaller settings.")


def _isShort(free: int | None, needed: int | None) -> bool:
    return free is not None and needed is not None and needed > free
