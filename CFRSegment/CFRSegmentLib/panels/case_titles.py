"""Names of cases: for new ones, of a DICOM series, nothing of the patient; short ones for buttons."""

from __future__ import annotations

from pathlib import Path

from ..cohort import Cohort
from ..i18n import _

SUFFIXES = (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".mha")


def fileTitle(path: Path) -> str:
    """The name of a file without its ending."""
    ending = next((item for item in SUFFIXES if path.name.lower().endswith(item)), "")
    return path.name[: -len(ending)] if ending and len(path.name) > len(ending) else path.name


def seriesTitle(description: str, number: str) -> str:
    """What a DICOM series is called."""
    if description and number:
        return _("{number}: {description}").format(number=number, description=description)
    return description or _("Series {number}").format(number=number)


def shortTitle(title: str, length: int = 22) -> str:
    """A title that fits on a button: both ends of it."""
    return title if len(title) <= length else f"{title[: length // 2 - 1]}...{title[2 - length // 2 :]}"


def freeTitle(title: str, source: Path | None, cohort: Cohort) -> str:
    """The title itself; where a case has it already, with the folder of its file or with a number."""
    taken = {case.title for case in cohort.cases()}
    if title not in taken:
        return title
    if source is not None and source.is_file() and source.parent.name:
        inFolder = _("{folder} {title}").format(folder=source.parent.name, title=title)
        if inFolder not in taken:
            return inFolder
    number = next(number for number in range(2, len(taken) + 3) if _numbered(title, number) not in taken)
    return _numbered(title, number)


def _numbered(title: str, number: int) -> str:
    return _("{title} ({number})").format(title=title, number=number)
