"""Names that module code must not use, each with the reason and what to use instead.

Slicer is built with Qt 5.15 or with Qt 6, so a name has to be in both. Threads of Qt that run Python hang
Slicer.
"""

from __future__ import annotations

THREADS = "Python in a thread of Qt hangs Slicer; run a process with qt.QProcess"
CLASSES = {
    "QThread": THREADS,
    "QRunnable": THREADS,
    "QThreadPool": THREADS,
    "QFutureWatcher": THREADS,
    "QTextCodec": "Qt 6 has none; use the codec of Python",
    "QDesktopWidget": "Qt 6 has none; use QScreen",
    "QRegExp": "Qt 6 has none; use QRegularExpression, or re",
    "QSignalMapper": "its mapped(...) differs between Qt 5 and Qt 6; connect a lambda",
    "QStringRef": "Qt 6 has none",
    "QMatrix": "Qt 6 has none; use QTransform",
}
# Members that only Qt 6 has (or only Qt 5, which then are missing here anyway), by the class that has them.
MEMBERS = {
    "QProcess": {"startCommand": "Qt 5 has none; use start(program, arguments)"},
    "QCheckBox": {"checkStateChanged": "new in Qt 6.7; use stateChanged(int)"},
    "QThread": {},
}


def refuse_class(name: str) -> None:
    """RuntimeError for a class that module code must not use."""
    if name in CLASSES:
        raise RuntimeError(f"qt.{name} is not for Slicer modules: {CLASSES[name]}.")


def refuse_member(kind: type, name: str) -> None:
    """AttributeError for a member that is not in both, Qt 5.15 and Qt 6."""
    for base in kind.__mro__:
        reason = MEMBERS.get(base.__name__, {}).get(name)
        if reason:
            raise AttributeError(f"{base.__name__}.{name} is not in Qt 5.15 and Qt 6: {reason}.")
