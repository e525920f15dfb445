"""Names that module code must not use, each with the reason.

Slicer is built with Qt 5.15 or with Qt 6, so a name has to be in both. `missing_names.json` lists what PySide
up to 6.12 has, but the headers of Qt 5.15 do not declare, or PythonQt's wrappers for it leave out. Names that
Qt 6 has dropped are missing anyway; for some of them the reason is told here. Threads of Qt that run Python
hang Slicer.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

THREADS = "Python in a thread of Qt hangs Slicer; run a process with qt.QProcess"
NEW_CLASS = "it is new in Qt 6, Slicer may have Qt 5.15"
NEW_MEMBER = "it is new in Qt 6, Slicer may have Qt 5.15"
NO_WRAPPER = "PythonQt has no wrapper for it"
CLASSES = {
    "QThread": THREADS,
    "QRunnable": THREADS,
    "QThreadPool": THREADS,
    "QFutureWatcher": THREADS,
    "QTextCodec": "Qt 6 has none; use the codecs of Python",
    "QDesktopWidget": "Qt 6 has none; use QScreen",
    "QRegExp": "Qt 6 has none; use QRegularExpression, or re",
    "QRegExpValidator": "Qt 6 has none; use QRegularExpressionValidator",
    "QSignalMapper": "its signal mapped differs between Qt 5 and Qt 6; connect a lambda",
    "QStringRef": "Qt 6 has none",
    "QMatrix": "Qt 6 has none; use QTransform",
    "QLinkedList": "Qt 6 has none",
}
MEMBERS = {
    "QProcess.startCommand": "it is new in Qt 6; use start(program, arguments)",
    "QCheckBox.checkStateChanged": "it is new in Qt 6; use stateChanged(int)",
    "QMouseEvent.position": "it is new in Qt 6; use pos(), or localPos()",
    "QObject.thread": THREADS,
    "QObject.moveToThread": THREADS,
}


@functools.cache
def _missing() -> tuple[dict[str, str], dict[str, str]]:
    """Reasons by class, and by 'class.member'."""
    names = json.loads(Path(__file__).with_name("missing_names.json").read_text("utf-8"))
    classes = dict.fromkeys(names["classes new in Qt 6"].split(), NEW_CLASS)
    members: dict[str, str] = {}
    for table, reason in (
        ("members new in Qt 6", NEW_MEMBER),
        ("members without a wrapper in PythonQt", NO_WRAPPER),
    ):
        for kind, listed in names[table].items():
            members |= {f"{kind}.{name}": reason for name in listed.split()}
    return classes | CLASSES, members | MEMBERS


def refuse_class(name: str) -> None:
    """AttributeError for a class that module code must not use."""
    reason = _missing()[0].get(name)
    if reason:
        raise AttributeError(f"qt.{name} is not for modules of Slicer: {reason}.")


def refuse_member(kind: type, name: str) -> None:
    """AttributeError for a member that a Slicer with Qt 5.15 or with Qt 6 does not have."""
    text = _why_not(kind, name)
    if text:
        raise AttributeError(text)


@functools.cache
def _why_not(kind: type, name: str) -> str:
    """What is wrong with a member; empty where nothing is."""
    members = _missing()[1]
    for base in kind.__mro__:
        reason = members.get(f"{base.__name__}.{name}")
        if reason:
            return f"{base.__name__}.{name} is not for modules of Slicer: {reason}."
    return ""
