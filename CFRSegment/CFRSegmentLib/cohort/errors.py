"""The one error of the cohort: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from CFRTrain.runs.atomic import is_disk_full
from CFRTrain.runs.errors import DiskFullError

from ..i18n import _


class CohortError(Exception):
    """Something that a person can act on; `str()` is the text and the remedy, both for people.

    Codes: exists, missing, not_a_cohort, newer_format, damaged (folders); read_only, disk_full, not_written
    (writing); bad_class, classes_in_use, bad_name (settings); unknown_case, bad_image, bad_label,
    not_decidable, not_decided, nothing_to_undo (cases); run_unfinished, bad_run (runs).
    """

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(code, text, remedy)
        self.code = code
        self.text = text
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


def damaged(path: Path, reason: str) -> CohortError:
    """The error for a file of the cohort that cannot be understood; nothing has been changed."""
    text = _("The file {name} of the cohort is damaged: {reason}.").format(name=path.name, reason=reason)
    remedy = _(
        "Put a backup copy of this file into {folder} and open the cohort again. Nothing has been changed; "
        "images and labels are still there."
    )
    return CohortError("damaged", text, remedy.format(folder=path.parent))


def systemReason(error: OSError) -> str:
    """What the operating system says, without the path."""
    return error.strerror or type(error).__name__


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the operating system refuses while `path` is written into a CohortError."""
    try:
        yield
    except (OSError, DiskFullError) as error:
        if isinstance(error, DiskFullError) or is_disk_full(error):
            raise CohortError(
                "disk_full",
                _("The disk is full; {name} was not saved.").format(name=path.name),
                _("Free some space on the disk of the cohort and try again."),
            ) from error
        text = _("{name} cannot be written: {reason}.").format(name=path.name, reason=systemReason(error))
        remedy = _("Check that the folder {folder} is there and can be written to, then try again.")
        raise CohortError("not_written", text, remedy.format(folder=path.parent)) from error
