"""What can go wrong in a run: each failure has a code, what happened, and what to do. Standard library only.

Exit codes of the command line are the `exit_code` of the error that ended it, see `EXIT_CODES`.
"""

from __future__ import annotations

import errno

# Of Windows: memory cannot be had, twice, or the paging file is too small; a library is not there, lacks a
# function, is of another kind of processor, or cannot start.
NO_MEMORY, NO_LIBRARY = (8, 14, 1455), (126, 127, 193, 1114)
EXIT_CODES = {
    0: "done",
    1: "unexpected failure of the program",
    2: "bad job, command or run folder",
    3: "bad data: a case, a label or a model file",
    4: "out of memory",
    5: "disk full",
    6: "something that must be installed is missing",
    130: "stopped on request; the same command goes on",
}


class CFRError(Exception):
    """A failure that a person can act on.

    code: stable name for programs. text: what happened. remedy: what to do. case: the id of the case, if any.
    """

    exit_code = 1

    def __init__(self, code: str, text: str, remedy: str, case: str | None = None) -> None:
        super().__init__(code, text, remedy, case)
        self.code = code
        self.text = text
        self.remedy = remedy
        self.case = case

    def __str__(self) -> str:
        prefix = f"[{self.case}] " if self.case else ""
        return f"{prefix}{self.text} {self.remedy}".strip()


class JobError(CFRError):
    """The job, the command or the run folder is not usable as it is."""

    exit_code = 2


class LockedError(JobError):
    """Another engine works on this run."""


class DataError(CFRError):
    """A case or one of its files is not usable."""

    exit_code = 3


class ModelError(CFRError):
    """A model or weights file is not usable."""

    exit_code = 3


class MemoryLimitError(CFRError):
    """The work does not fit into memory."""

    exit_code = 4


class DiskFullError(CFRError):
    """There is not enough free space."""

    exit_code = 5


class DependencyError(CFRError):
    """A package or file that must be installed is missing."""

    exit_code = 6


def missing_package(error: ImportError) -> DependencyError:
    """The failed import of a package as an error that a person can act on.

    Raises the error itself where the package is this program's own: a mistake that nothing installed cures.
    """
    if (error.name or "").split(".")[0] == "CFRTrain":
        raise error
    return DependencyError(
        "package_missing",
        f"The Python package {error.name or 'that was asked for'} cannot be used: {error}.",
        "Install what the program needs, then start again.",
    )


def memory_refused(error: BaseException) -> bool:
    """Whether the operating system has refused memory."""
    windows = getattr(error, "winerror", None) in NO_MEMORY
    return isinstance(error, OSError) and (windows or error.errno == errno.ENOMEM)


def system_failure(error: OSError) -> CFRError:
    """An error of the operating system, other than a full disk, as one that a person can act on."""
    reason = error.strerror or error
    if memory_refused(error):
        return MemoryLimitError("memory", "The memory is used up.", "Close other programs, then start again.")
    if getattr(error, "winerror", None) in NO_LIBRARY:
        return DependencyError(
            "package_missing",
            f"A library of a Python package cannot be loaded: {reason}.",
            "Install the package again, and on Windows the Microsoft Visual C++ Redistributable.",
        )
    return JobError(
        "not_accessible",
        f"A file could not be read or written: {reason}.",
        "Check that it is there and that you may use it.",
    )


class StopRequested(CFRError):
    """The run was asked to stop; everything up to here is kept."""

    exit_code = 130

    def __init__(self, text: str = "The run was stopped on request.") -> None:
        super().__init__("stopped", text, "Start it again to go on from here.")
        self.args = (text,)  # what a copy in another process is made from
