"""A case as the panels see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal


class Status(StrEnum):
    """Exactly one per case.

    FAILED: the case cannot be used as it is; `Case.problem` says why and what to do.
    """

    UNLABELED = "unlabeled"
    LABELED = "labeled"
    PSEUDO_LABELED = "pseudo-labeled"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True)
class Origin:
    """Where a volume came from. It may hold a patient's name, so it stays in the cohort, never in a run.

    reference: a path (file), a SeriesInstanceUID (dicom), or for a node of the scene (scene) its id together
    with something that tells it from the node of that id in another scene. Same origin, same case.
    """

    kind: Literal["file", "dicom", "scene"]
    reference: str


@dataclass(frozen=True)
class Case:
    """One volume of the cohort. Paths are absolute and their files are there, else they are None.

    label: what the case trains with as a label: the expert's label (labeled, corrected) or the accepted
    pseudo-label (accepted); None for every other status.
    draft: the correction that a re-opened case had; show it instead of the pseudo-label, nothing is lost.
    pseudoLabel, uncertaintyMap, uncertainty, run: of the last pseudo-label taken over, also after a decision.
    uncertaintyMap: 0 is sure, 100 a guess. uncertainty: 0 to 1. run: name of the run folder.
    decidedBy, decidedAt: alias and time (ISO 8601, UTC) of the label or decision in effect.
    changedVoxels: of a correction against the pseudo-label, of a label against the one before; if known.
    problem: why the case cannot be used, and what to do.
    """

    id: str
    title: str
    status: Status
    origin: Origin
    image: Path | None = None
    label: Path | None = None
    draft: Path | None = None
    pseudoLabel: Path | None = None
    uncertaintyMap: Path | None = None
    uncertainty: float | None = None
    run: str | None = None
    decidedBy: str | None = None
    decidedAt: str | None = None
    changedVoxels: int | None = None
    problem: str | None = None
    modality: str = ""
