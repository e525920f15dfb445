"""Which cases train and how, which one to review next, which one to label next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .case import Case


@dataclass(frozen=True)
class TrainingCase:
    """What a case is in a training. role "": not used; label: for role "labeled". reason: for people."""

    case: Case
    role: Literal["labeled", "unlabeled", ""]
    label: Path | None
    reason: str
