"""What belongs to this person and computer, not to a scene: who signs, cohorts that were open, its pace."""

from __future__ import annotations

import json
from pathlib import Path

import slicer

from ..engine import Pace, paceFromText, paceToText

GROUP = "CFRSegment"
RECENT_LIMIT = 8


class PersonalSettings:
    """Texts in Slicer's own settings, in the group CFRSegment."""

    def value(self, name: str, default: str = "") -> str:
        """A stored text."""
        found = slicer.app.userSettings().value(f"{GROUP}/{name}")
        return default if found is None else str(found)

    def setValue(self, name: str, value: str) -> None:
        """Store a text."""
        slicer.app.userSettings().setValue(f"{GROUP}/{name}", value)

    @property
    def alias(self) -> str:
        """Who signs labels and decisions; at first the name under which this computer knows the user."""
        stored = self.value("Alias").strip()
        if stored:
            return stored
        person = slicer.app.applicationLogic().GetUserInformation()
        return (person.GetLogin() or person.GetName() or "").strip() or "user"

    @alias.setter
    def alias(self, alias: str) -> None:
        self.setValue("Alias", " ".join(alias.split()))

    def pace(self, device: str) -> Pace | None:
        """How long the last training on this computer and kind of device took, None before the first."""
        return paceFromText(self.value(_paceName(device)))

    def rememberPace(self, device: str, pace: Pace) -> None:
        """Keep how long a training took, for the next estimate."""
        self.setValue(_paceName(device), paceToText(pace))

    @property
    def recentCohorts(self) -> tuple[Path, ...]:
        """Folders of cohorts, the last one first."""
        try:
            found = json.loads(self.value("RecentCohorts", "[]"))
        except ValueError:
            return ()
        return tuple(Path(item) for item in found if isinstance(item, str)) if isinstance(found, list) else ()

    def rememberCohort(self, folder: Path) -> None:
        """Put a folder first among the recent ones."""
        others = [path for path in self.recentCohorts if path != folder]
        self._storeRecent([folder, *others][:RECENT_LIMIT])

    def forgetCohort(self, folder: Path) -> None:
        """Take a folder off the recent ones."""
        self._storeRecent([path for path in self.recentCohorts if path != folder])

    def _storeRecent(self, folders: list[Path]) -> None:
        self.setValue("RecentCohorts", json.dumps([str(path) for path in folders]))


def _paceName(device: str) -> str:
    """cuda:0 and cuda:1 are one kind."""
    return f"Pace-{device.partition(':')[0] or 'cpu'}"
