"""The one QApplication of a process: its names, its settings in a folder of their own, its warnings kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PySide6 import QtCore, QtWidgets

from Testing.bed.errors import slot_errors

ORGANIZATION = "CFRSegment test bed"
APPLICATION = "SlicerBed"
# Warnings of Qt about windows, fonts and input devices say nothing about a module.
HARMLESS_CATEGORIES = ("qt.qpa", "qt.text", "qt.pointer", "qt.accessibility", "qt.gui", "qt.svg")
BAD_KINDS = (QtCore.QtMsgType.QtWarningMsg, QtCore.QtMsgType.QtCriticalMsg)


def qt_application(display: str | None = None, settings: Path | None = None) -> QtWidgets.QApplication:
    """The application; made by the first call, which decides on the display.

    display: as ':1'; None for widgets that are never shown (Qt's offscreen platform).
    settings: folder for QSettings; None leaves it as it is.
    """
    application = QtWidgets.QApplication.instance()
    if application is None:
        os.environ["QT_QPA_PLATFORM"] = "xcb" if display else "offscreen"
        if display:
            os.environ["DISPLAY"] = display
        QtCore.QCoreApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
        application = QtWidgets.QApplication([APPLICATION])
        application.setOrganizationName(ORGANIZATION)
        application.setApplicationName(APPLICATION)
        application.setQuitOnLastWindowClosed(False)
        QtCore.qInstallMessageHandler(_keep_warning)
    if settings is not None:
        use_settings_folder(settings)
    return application


def use_settings_folder(folder: Path) -> None:
    """QSettings made from now on are INI files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ini = QtCore.QSettings.Format.IniFormat
    QtCore.QSettings.setDefaultFormat(ini)
    for scope in (QtCore.QSettings.Scope.UserScope, QtCore.QSettings.Scope.SystemScope):
        QtCore.QSettings.setPath(ini, scope, str(folder))


def restart_settings(old: Path, new: Path) -> None:
    """What a restart of Slicer does to settings: read anew from the file, where True is the text 'true'.

    In one process Qt remembers the types of what was written, so the files are copied from `old` to `new`.
    """
    QtCore.QSettings().sync()
    shutil.copytree(old, new, dirs_exist_ok=True)
    use_settings_folder(new)


def _keep_warning(kind: QtCore.QtMsgType, context: QtCore.QMessageLogContext, text: str) -> None:
    category = context.category or "default"
    if kind in BAD_KINDS and not category.startswith(HARMLESS_CATEGORIES):
        slot_errors.add(f"Qt warns ({category}): {text}")
