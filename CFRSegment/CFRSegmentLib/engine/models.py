"""The trained models of a cohort: one file each, listed, imported after verification, exported, removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.job import ClassSpec

from .problems import Problem


@dataclass(frozen=True)
class ModelEntry:
    """One model file. classes hold names, colors and terminology; dice: mean of validation cases or None.

    problem: why it cannot be used, None for a good one; with a problem the other fields may be empty.
    """

    path: Path
    name: str
    classes: tuple[ClassSpec, ...] = ()
    created: str = ""
    preset: str = ""
    labeler: str = ""
    method: str = ""
    modality: str = ""
    labeledCases: int = 0
    dice: float | None = None
    notes: tuple[str, ...] = ()
    weightsSha256: str = ""
    sizeBytes: int = 0
    problem: Problem | None = None


class ModelStore:
    """The models in one folder. Every method is safe in a worker thread; big files take a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def models(self) -> tuple[ModelEntry, ...]:
        """All models, newest first; a damaged one is listed with its problem. Descriptions only: fast."""
        raise NotImplementedError

    def importFile(self, path: Path) -> ModelEntry:
        """Verifies and copies a model file. Raises ModelError (CFRTrain.runs.errors) for one not as made."""
        raise NotImplementedError

    def export(self, entry: ModelEntry, path: Path) -> None:
        """Copies a verified model to `path`, one file. Raises ModelError, OSError."""
        raise NotImplementedError

    def addFromRun(self, runFolder: Path) -> ModelEntry:
        """Copies the model of a finished run; the same model twice is one entry. Raises ModelError."""
        raise NotImplementedError

    def remove(self, entry: ModelEntry) -> None:
        """Deletes the model's file and its compiled copy from the folder."""
        raise NotImplementedError
