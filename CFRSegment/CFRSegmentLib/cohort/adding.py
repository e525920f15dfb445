"""Cases come and go: a volume added, one that could not be read, one taken off the list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..i18n import _
from .case import Case, Origin
from .case_list import Entry, cleanTitle, normalized
from .errors import CohortError
from .label_files import moveIn, putInPlace, removeQuietly
from .store import CohortStore

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def addCase(store: CohortStore, origin: Origin, title: str, image: Path, modality: str) -> Case:
    """See `Cohort.addCase`."""
    store.requireWritable()
    suffix, origin = _requireImage(image), normalized(origin)
    found = store.list.find(origin)
    if found is not None and store.case(found.id).image is not None:
        _discardTemporary(store, image)
        return store.case(found.id)
    caseId = found.id if found is not None else store.freeId()
    moveIn(image, store.layout.images / f"{caseId}{suffix}")
    title = cleanTitle(title) or caseId
    return _put(store, Entry(caseId, title, origin, f"{caseId}{suffix}", None, cleanTitle(modality)))


def addFailure(store: CohortStore, origin: Origin, title: str, problem: str) -> Case:
    """See `Cohort.addFailure`."""
    store.requireWritable()
    origin = normalized(origin)
    found = store.list.find(origin)
    if found is None:
        caseId = store.freeId()
        return _put(store, Entry(caseId, cleanTitle(title) or caseId, origin, None, cleanTitle(problem)))
    if found.image is not None:
        return store.case(found.id)
    return _put(store, replace(found, problem=cleanTitle(problem)))


def removeCase(store: CohortStore, caseId: str) -> None:
    """See `Cohort.removeCase`."""
    store.requireWritable()
    store.case(caseId)
    image = store.list.entries[caseId].image
    names = [store.layout.labels / name for name in store.labels.names(caseId)]
    files = names if image is None else [store.layout.images / image, *names]
    store.list.remove(caseId)
    for path in files:
        _moveAway(path, store.layout.removed)
    store.pseudo.delete(caseId)
    store.changed()


def _put(store: CohortStore, entry: Entry) -> Case:
    store.list.put(entry)
    store.changed()
    return store.case(entry.id)


def _requireImage(image: Path) -> str:
    """The suffix of an image file. Raises CohortError (bad_image)."""
    suffix = next((item for item in SUFFIXES if image.name.lower().endswith(item)), None)
    if suffix is None:
        text = _("{name} is no file that a cohort can hold.").format(name=image.name)
        raise CohortError("bad_image", text, _("Save the volume as .nrrd, .nii.gz, .nii or .mha."))
    try:
        with open(image, "rb") as stream:
            if stream.read(1):
                return suffix
    except OSError:
        pass
    text = _("The image file {name} is empty or cannot be read.").format(name=image.name)
    raise CohortError("bad_image", text, _("Check the file, then add it again."))


def _discardTemporary(store: CohortStore, image: Path) -> None:
    """Deletes a file that was only written to be added, for a case that is there already."""
    if image.parent == store.layout.images and image.name.startswith("."):
        removeQuietly(image)


def _moveAway(path: Path, folder: Path) -> None:
    """Moves a file of a removed case; one that another program holds stays where it is, and does no harm."""
    try:
        folder.mkdir(exist_ok=True)
        putInPlace(path, folder / path.name)
    except OSError:
        return
