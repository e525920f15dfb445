"""What was begun before Slicer was restarted, in the user's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from CFRSegmentLib.setup.environment import Settings
from CFRSegmentLib.setup.requirements import BASE, FAST, SAM

KEY = "CFRSegment/PendingInstallation"


@dataclass(frozen=True)
class Pending:
    """What the user agreed to."""

    groups: tuple[str, ...]
    offlineFolder: Path | None


def remember(settings: Settings, groups: tuple[str, ...], offlineFolder: Path | None) -> None:
    """Note an installation that goes on after a restart."""
    folder = str(offlineFolder) if offlineFolder else None
    settings.setValue(KEY, json.dumps({"groups": groups, "offlineFolder": folder}))


def recall(settings: Settings) -> Pending | None:
    """What was noted; None when nothing was, or what is there makes no sense."""
    try:
        noted = json.loads(settings.value(KEY) or "null")
        groups = tuple(group for group in noted["groups"] if group in (BASE, SAM, FAST))
        folder = noted["offlineFolder"]
        return Pending(groups, Path(folder) if folder else None) if groups else None
    except (TypeError, KeyError, ValueError):
        return None


def forget(settings: Settings) -> None:
    """Nothing is left to do."""
    settings.remove(KEY)
