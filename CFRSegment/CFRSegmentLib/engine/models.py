"""The trained models of a cohort: one file each, listed, imported after verification, exported, removed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.atomic import replacement_of
from CFRTrain.runs.errors import CFRError, ModelError
from CFRTrain.runs.job import ClassSpec
from CFRTrain.runs.run_folder import RunFolder

from ..i18n import _
from .model_file import SUFFIX, ModelSummary, readSummary, verification
from .problems import Problem
from .steps import Steps, finished

RUN_MODEL = "model.cfrmodel"
CACHE_SUFFIX = ".openvino"
PIECE = 1 << 20


@dataclass(frozen=True)
class ModelEntry:
    """One model file: what it says about itself, or the problem why it cannot be used; never both."""

    path: Path
    sizeBytes: int
    summary: ModelSummary | None = None
    problem: Problem | None = None

    @property
    def name(self) -> str:
        """What people call it: its file's name."""
        return self.path.stem

    @property
    def classes(self) -> tuple[ClassSpec, ...]:
        """Names, colors and terminology; none where it cannot be used."""
        return self.summary.classes if self.summary is not None else ()

    @property
    def weightsSha256(self) -> str:
        """What tells its weights from others; empty where it cannot be used."""
        return self.summary.weightsSha256 if self.summary is not None else ""


class ModelStore:
    """The models in one folder. Big files take a second; a window uses the methods that work in steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def models(self) -> tuple[ModelEntry, ...]:
        """All models, newest first; a damaged one is listed with its problem. Descriptions only: fast."""
        try:
            files = [path for path in self.folder.iterdir() if path.suffix == SUFFIX and path.is_file()]
        except OSError:
            return ()
        files = [path for path in files if not path.name.startswith(".")]
        return tuple(modelEntry(path) for path in sorted(files, key=_newestFirst))

    def importFile(self, path: Path) -> ModelEntry:
        """Verifies and copies a model file. Raises ModelError (CFRTrain.runs.errors) for one not as made.

        A model that is here already, by its weights and description, is not copied again. Raises OSError or
        DiskFullError where it cannot be copied.
        """
        return finished(self.importing(path))

    def importing(self, path: Path) -> Steps[ModelEntry]:
        """As `importFile`, in steps of some milliseconds: yields (bytes done, bytes in all) of each part."""
        path = Path(path)
        summary = yield from verification(path)
        for entry in self.models():
            if entry.weightsSha256 == summary.weightsSha256:
                if (yield from _comparison(entry.path, path)):
                    return entry
        target = self._free(path.stem)
        yield from _copying(path, target)
        return modelEntry(target)

    def export(self, entry: ModelEntry, path: Path) -> None:
        """Copies a verified model to `path`, one file. Raises ModelError, OSError, DiskFullError."""
        finished(self.exporting(entry, path))

    def exporting(self, entry: ModelEntry, path: Path) -> Steps[None]:
        """As `export`, in steps as of `importing`."""
        yield from verification(entry.path)
        yield from _copying(entry.path, Path(path))

    def addFromRun(self, runFolder: Path) -> ModelEntry:
        """Copies the model of a finished run; the same model twice is one entry. Raises ModelError."""
        return finished(self.addingFromRun(runFolder))

    def addingFromRun(self, runFolder: Path) -> Steps[ModelEntry]:
        """As `addFromRun`, in steps as of `importing`."""
        root = Path(runFolder)
        if RunFolder(root).results() is None:
            raise ModelError(
                "run_unfinished",
                _("The training {name} has not finished.").format(name=root.name),
                _("Resume it; its model is there when it is done."),
            )
        found = yield from verification(root / RUN_MODEL)
        for entry in self.models():
            if entry.weightsSha256 == found.weightsSha256:
                return entry
        target = self._free(f"{_plainName(found)}_{root.name}")
        yield from _copying(root / RUN_MODEL, target)
        return modelEntry(target)

    def remove(self, entry: ModelEntry) -> None:
        """Deletes the model's file and its compiled copy from the folder."""
        if entry.path.parent != self.folder or entry.path.suffix != SUFFIX:
            raise ValueError("not a model of this store")
        entry.path.unlink(missing_ok=True)
        shutil.rmtree(entry.path.with_suffix(CACHE_SUFFIX), ignore_errors=True)

    def _free(self, stem: str) -> Path:
        """A file name that no model has yet."""
        number, name = 1, stem
        while (self.folder / f"{name}{SUFFIX}").exists():
            number += 1
            name = f"{stem} {number}"
        return self.folder / f"{name}{SUFFIX}"


def _copying(source: Path, target: Path) -> Steps[None]:
    """Copies whole or not at all, and verifies what was written before it gets its name.

    Each piece goes to the disk at once: one long wait for all of them at the end would stop the window.
    """
    size, done = _size(source), 0
    with replacement_of(target, SUFFIX) as partial:
        with open(source, "rb") as read, open(partial, "wb") as written:
            while data := read.read(PIECE):
                written.write(data)
                written.flush()
                os.fsync(written.fileno())
                done += len(data)
                yield done, size
        yield from verification(partial)


def _comparison(first: Path, second: Path) -> Steps[bool]:
    """Whether two files hold the same bytes."""
    size, done = _size(first), 0
    if size != _size(second):
        return False
    with open(first, "rb") as one, open(second, "rb") as other:
        while data := one.read(PIECE):
            if data != other.read(PIECE):
                return False
            done += len(data)
            yield done, size
    return True


def modelEntry(path: Path) -> ModelEntry:
    """What a file says about itself; what is wrong with it, if anything."""
    try:
        return ModelEntry(path, _size(path), readSummary(path))
    except CFRError as error:
        return ModelEntry(path, _size(path), problem=Problem(error.code, error.text, error.remedy))


def _plainName(found: ModelSummary) -> str:
    """A file name from the classes' names: letters and digits of any script, at most 40."""
    joined = "_".join(item.name for item in found.classes)
    kept = "".join(sign if sign.isalnum() else "_" for sign in joined)
    return "_".join(part for part in kept.split("_") if part)[:40] or "model"


def _newestFirst(path: Path) -> tuple[float, str]:
    try:
        return -path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
