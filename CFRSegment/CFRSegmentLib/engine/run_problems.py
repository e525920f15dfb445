"""What ended a run, in words, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from CFRTrain.runs.errors import EXIT_CODES

from ..i18n import _
from .problems import Problem

MEMORY_CODES = ("memory", "memory_training", "memory_inference")
KILL = 9
SHELL_SIGNAL = 128  # a launcher reports a signal as 128 and its number
EXIT_MEMORY, EXIT_DISK, EXIT_PACKAGES = 4, 5, 6
# Windows has no signals: what it ends itself has one of its error codes.
FIRST_WINDOWS_CODE = 0xC0000000
WINDOWS_NO_MEMORY = (0xC0000017, 0xC000012D)


def problemOfEvent(event: Mapping[str, Any], device: str) -> Problem:
    """The problem that an error event of the engine tells; device: what the run computes on."""
    code, text = str(event.get("code", "")), str(event.get("text", ""))
    if code in MEMORY_CODES:
        return _memoryProblem(text, device)
    return Problem(code, text, str(event.get("remedy", "")))


def _memoryProblem(text: str, device: str) -> Problem:
    """Out of memory, of the GPU or of the computer."""
    if device.startswith(("cuda", "mps")):
        return Problem(
            "gpu_memory",
            _("The GPU memory is used up. {text}").format(text=text).strip(),
            _(
                "Close other programs that use the GPU and resume; checkpoints and labels are intact. If "
                "that does not help, train anew with smaller settings: batch 1, or network width 8."
            ),
        )
    return Problem("memory", _("The memory is used up. {text}").format(text=text).strip(), _memoryRemedy())


def _memoryRemedy() -> str:
    return _(
        "Close other programs and resume; checkpoints and labels are intact. If that does not help, train "
        "anew with smaller settings: batch 1, or network width 8."
    )


def signalOf(code: int) -> int:
    """The signal that ended a process with this exit code, 0 if it was none."""
    if code < 0:
        return -code
    return code - SHELL_SIGNAL if SHELL_SIGNAL < code < SHELL_SIGNAL + 65 and code not in EXIT_CODES else 0


def problemOfExit(code: int, device: str, lastWords: str) -> Problem:
    """The problem of an engine that ended without an error event; lastWords: the end of its output."""
    number = signalOf(code)
    if number == KILL:
        text = _("The training was terminated (signal {number}), possibly out of memory.")
        return Problem("killed", text.format(number=number), _memoryRemedy())
    if number:
        text = _("The training was terminated (signal {number}).").format(number=number)
        remedy = _("Resume it. If it happens again, report it with the log.")
        return Problem("killed", text, remedy)
    if code == EXIT_MEMORY:
        return _memoryProblem("", device)
    if code in WINDOWS_NO_MEMORY:
        return _memoryProblem("", "cpu")
    if code >= FIRST_WINDOWS_CODE:
        text = _("The training was terminated by Windows (error {number}).").format(number=f"0x{code:X}")
        return Problem("killed", text, _("Resume it. If it happens again, report it with the log."))
    if code == EXIT_DISK:
        remedy = _("Free some space on the disk of the cohort and resume.")
        return Problem("disk_full", _("The disk is full."), remedy)
    if code == EXIT_PACKAGES:
        text = _("Something that the engine needs is not installed. {last}").format(last=lastWords).strip()
        return Problem("package_missing", text, _("Press Install, then resume."))
    reason = EXIT_CODES.get(code) or _("exit code {code}").format(code=code)
    text = _("The training failed: {reason}. {last}").format(reason=reason, last=lastWords).strip()
    return Problem("failed", text, _("Resume it. If it fails again, report it with the log."))


def lostProblem() -> Problem:
    """The engine is gone, and nobody saw how."""
    text = _("The training ended without a word: the computer was switched off, or its process was ended.")
    return Problem("lost", text, _("Resume it; it goes on from its last checkpoint."))
