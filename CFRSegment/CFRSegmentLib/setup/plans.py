"""What would be installed, what is asked, and what is known to be wrong before anything is touched."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from CFRSegmentLib.i18n import _
from CFRSegmentLib.setup.constraints import installedVersions
from CFRSegmentLib.setup.environment import Environment
from CFRSegmentLib.setup.requirements import isTorch

GIGABYTE = 1e9
TORCH_GIGABYTES, OTHER_GIGABYTES = 7, 1  # a CUDA build with its libraries, unpacked, and room for pip


class Outcome(StrEnum):
    """How an installation ended."""

    NOTHING_MISSING = "nothing missing"
    DECLINED = "declined"  # nothing was changed
    INSTALLED = "installed"
    RESTART = "restart"  # installed, usable after Slicer was started again
    FAILED = "failed"


@dataclass(frozen=True)
class InstallPlan:
    """What would be done; `question` is the text of the one confirmation.

    missing: requirements as they are written in Resources, "monai>=1.6.0". problem, remedy: why it
    cannot start and what to do, empty when it can. missingExtension: "PyTorch" when that one must be
    installed first.
    """

    missing: tuple[str, ...]
    groups: tuple[str, ...]
    offlineFolder: Path | None = None
    question: str = ""
    problem: str = ""
    remedy: str = ""
    missingExtension: str = ""


@dataclass(frozen=True)
class InstallResult:
    """What happened and, after a failure, why, what to do, and the last lines of pip for the details."""

    outcome: Outcome
    text: str = ""
    remedy: str = ""
    lastLines: tuple[str, ...] = ()


def makePlan(
    environment: Environment,
    missing: tuple[str, ...],
    groups: tuple[str, ...],
    offlineFolder: Path | None,
    isBusy: bool,
) -> InstallPlan:
    """The plan for these requirements; the problem is the first of the ones that can be known before."""
    if not missing:
        return InstallPlan((), groups, offlineFolder)
    isOnlineTorch = offlineFolder is None and any(map(isTorch, missing))
    needsExtension = isOnlineTorch and not environment.hasTorchExtension()
    problem, remedy = _firstProblem(environment, missing, offlineFolder, isBusy, needsExtension)
    return InstallPlan(
        missing,
        groups,
        offlineFolder,
        _question(missing, offlineFolder),
        problem,
        remedy,
        "PyTorch" if needsExtension else "",
    )


def _question(missing: tuple[str, ...], offlineFolder: Path | None) -> str:
    source = _("from the Python package index")
    if offlineFolder is not None:
        source = _("from the folder {folder}").format(folder=offlineFolder)
    elif any(map(isTorch, missing)):
        source = _("from the Python package index; PyTorch alone is a download of up to 3 gigabytes")
    kept = ", ".join(
        f"{name} {version}" for name, version in installedVersions(("numpy", "SimpleITK")).items()
    )
    return _(
        "CFRSegment needs these Python packages:\n{packages}\n\n"
        "They are installed into Slicer's Python, {source}. Slicer's own {kept} stay as they are.\n\n"
        "Install them now?"
    ).format(packages="\n".join(f"- {one}" for one in missing), source=source, kept=kept)


def _firstProblem(
    environment: Environment,
    missing: tuple[str, ...],
    offlineFolder: Path | None,
    isBusy: bool,
    needsExtension: bool,
) -> tuple[str, str]:
    if environment.isTesting():
        return _("Slicer runs in testing mode; nothing is installed."), _("Start Slicer without --testing.")
    if isBusy:
        return _("Packages are being installed already."), _("Wait until that has ended.")
    if offlineFolder is not None and not any(offlineFolder.glob("*.whl")):
        return (
            _("The folder {folder} holds no packages.").format(folder=offlineFolder),
            _("Choose the folder with the .whl files."),
        )
    if not _isWritable(environment.sitePackages):
        return (
            _("Packages cannot be installed: {folder} cannot be written to.").format(
                folder=environment.sitePackages
            ),
            _("Install Slicer into a folder of your own, or have an administrator install the packages."),
        )
    needed = TORCH_GIGABYTES if any(map(isTorch, missing)) else OTHER_GIGABYTES
    free = shutil.disk_usage(environment.sitePackages).free / GIGABYTE
    if free < needed:
        return (
            _("There is too little space: {free:.1f} gigabytes free, about {needed} needed.").format(
                free=free, needed=needed
            ),
            _("Make room on the disk that Slicer is installed on."),
        )
    if needsExtension:
        return (
            _("The Slicer extension PyTorch, which installs torch, is missing."),
            _("Install it and restart Slicer; or install everything from a folder with packages."),
        )
    return "", ""


def _isWritable(folder: Path) -> bool:
    """Whether a file can really be made there; permissions alone do not say it on every system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
