"""What lies where in the folder of a cohort. Paths inside it are relative, so the folder can be moved."""

from __future__ import annotations

from pathlib import Path

from CFRTrain.runs.atomic import write_atomic

from ..i18n import _
from .classes import SegmentClass
from .errors import CohortError, damaged, writing
from .header import Header, writeHeader

# What a file manager or a creation that was cut off leaves behind; such a folder counts as empty.
LEFT_BEHIND = {".DS_Store", "Thumbs.db", "desktop.ini"}


class Layout:
    """The files and folders of one cohort."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = folder / "cohort.json"
        self.caseList = folder / "cases.jsonl"
        self.reviews = folder / "reviews.jsonl"
        self.adoptions = folder / "pseudo_labels.jsonl"
        self.images = folder / "images"
        self.labels = folder / "labels"
        self.pseudoLabels = folder / "pseudo_labels"
        self.runs = folder / "runs"
        self.models = folder / "models"
        self.removed = folder / "removed"
        self.lock = folder / "lock"

    @property
    def journals(self) -> tuple[Path, ...]:
        """The files that only grow."""
        return self.caseList, self.reviews, self.adoptions

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of every cohort."""
        return self.images, self.labels, self.pseudoLabels, self.runs, self.models

    def requireCohort(self) -> None:
        """Raises CohortError (missing, not_a_cohort, damaged) where the folder holds no cohort."""
        if not self.folder.is_dir():
            text = _("The folder {folder} is not there.").format(folder=self.folder)
            raise CohortError("missing", text, _("Connect its disk, or choose where the cohort is now."))
        if self.header.is_file():
            return
        if any(path.exists() for path in self.journals):
            raise damaged(self.header, _("it is missing"))
        text = _("The folder {folder} holds no cohort.").format(folder=self.folder)
        raise CohortError("not_a_cohort", text, _("Choose the folder of a cohort, or create a new cohort."))


def makeCohort(layout: Layout, name: str, classes: tuple[SegmentClass, ...]) -> None:
    """Makes the files of an empty cohort, cohort.json last: until then the folder counts as empty.

    Raises CohortError (exists, not_written, ...).
    """
    header = Header("", ()).renamed(name).withClasses(classes)
    _requireEmpty(layout)
    with writing(layout.folder):
        for folder in layout.folders:
            folder.mkdir(parents=True, exist_ok=True)
        for journal in layout.journals:
            write_atomic(journal, b"")
    writeHeader(layout.header, header)


def _requireEmpty(layout: Layout) -> None:
    if layout.header.exists():
        text = _("There is a cohort in the folder {folder} already.").format(folder=layout.folder)
        raise CohortError("exists", text, _("Open it, or choose an empty folder."))
    own = {path.name for path in (*layout.journals, *layout.folders)}
    with writing(layout.folder):
        found = list(layout.folder.iterdir()) if layout.folder.exists() else []
        others = [item.name for item in found if item.name not in LEFT_BEHIND and not _isLeftOver(item, own)]
    if others:
        text = _("The folder {folder} is not empty: it holds {name}.")
        text = text.format(folder=layout.folder, name=sorted(others)[0])
        raise CohortError("exists", text, _("Choose an empty folder, or give the name of a new one."))


def _isLeftOver(path: Path, own: set[str]) -> bool:
    """Whether a creation that was cut off left this: an empty folder or journal, or a temporary file."""
    if path.name.startswith(".") and path.name.endswith(".tmp"):
        return True
    if path.name not in own:
        return False
    return not any(path.iterdir()) if path.is_dir() else path.stat().st_size == 0
