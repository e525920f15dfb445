"""Installation of the engine's packages into Slicer's Python: one question, no waiting window, one clear
outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from CFRSegmentLib.setup.requirements import BASE


class Outcome(StrEnum):
    """How an installation ended."""

    NOTHING_MISSING = "nothing missing"
    DECLINED = "declined"  # nothing was changed
    INSTALLED = "installed"
    RESTART = "restart"  # installed, usable after Slicer was started again
    FAILED = "failed"


@dataclass(frozen=True)
class InstallPlan:
    """What would be done; `question` is the text of the one confirmation."""

    missing: tuple[str, ...]  # requirements as they are written in Resources, e.g. "monai>=1.6.0"
    groups: tuple[str, ...]
    offlineFolder: Path | None
    question: str
    problem: str = ""  # why it cannot start, with the remedy; empty when it can
    missingExtension: str = ""  # "PyTorch" when that extension must be installed first


@dataclass(frozen=True)
class InstallResult:
    """What happened and, after a failure, why and what to do."""

    outcome: Outcome
    text: str = ""
    remedy: str = ""
    lastLines: tuple[str, ...] = ()  # of pip, for the details


class Installer:
    """Finds what is missing and installs it. One at a time; the object is kept by the module's logic."""

    def missing(self, groups: Sequence[str] = (BASE,)) -> tuple[str, ...]:
        """Requirements that are not met, torch first; reads package metadata only, under 50 ms, imports
        nothing.
        """
        raise NotImplementedError

    def plan(self, groups: Sequence[str] = (BASE,), offlineFolder: Path | None = None) -> InstallPlan:
        """What `install` would do and ask; changes nothing."""
        raise NotImplementedError

    def install(
        self,
        confirm: Callable[[InstallPlan], bool],
        offlineFolder: Path | None = None,
        progress: Callable[[str], None] | None = None,
        finished: Callable[[InstallResult], None] | None = None,
        groups: Sequence[str] = (BASE,),
    ) -> None:
        """Ask once, then install in the background; `finished` is called exactly once, on the main
        thread.

        `progress` gets pip's lines. With `offlineFolder` pip uses the wheels of that folder and no
        network.
        """
        raise NotImplementedError

    def isInstalling(self) -> bool:
        """Whether an installation of this object or of another extension is under way."""
        raise NotImplementedError

    @property
    def pendingAfterRestart(self) -> InstallPlan | None:
        """What was begun before Slicer was restarted and is still missing; None when nothing is left to
        do.
        """
        raise NotImplementedError

    def resume(
        self,
        progress: Callable[[str], None] | None = None,
        finished: Callable[[InstallResult], None] | None = None,
    ) -> None:
        """Go on with `pendingAfterRestart` without asking again: the click on the message was the
        answer.
        """
        raise NotImplementedError

    def installPyTorchExtension(self) -> InstallResult:
        """Get the PyTorch extension from Slicer's extensions server; it is there after a restart."""
        raise NotImplementedError
