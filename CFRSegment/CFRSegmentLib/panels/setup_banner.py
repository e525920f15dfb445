"""The line at the top of the module: what has to be installed before training, and the one confirmation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cohort import CohortError
from ..i18n import _
from ..setup import BASE, InstallPlan, InstallResult, Outcome
from .message_line import Action, MessageLine
from .session import Session

LINE_LENGTH = 90


class SetupBanner:
    """Says what is missing; installs nothing before the user has confirmed the list."""

    def __init__(self, parent: Any, session: Session) -> None:
        self._parent = parent
        self._session = session
        self._installer = session.installer
        self._isDismissed = False

    def setup(self) -> None:
        """Make the line; nothing is installed, imported or asked."""
        self.message = MessageLine(self._parent.layout(), name="setupMessage")
        self._session.setupWanted.connect(self.confirm)
        self.refresh()

    def refresh(self) -> None:
        """Show what is missing; nothing where all is there."""
        if self._installer.isInstalling():
            return
        if self._installer.pendingAfterRestart is not None:
            text = _("The installation that was begun before the restart can go on.")
            self.message.info(text, [(_("Continue"), self._resume), (_("Not now"), self._giveUp)])
        elif self._installer.missing() and not self._isDismissed:
            text = _("Cases can be labeled now. To train and to segment, packages have to be installed once.")
            self.message.info(text, [(_("Install..."), self.confirm), (_("Not now"), self._dismiss)])
        else:
            self.message.clear()

    def enter(self) -> None:
        """The module is shown."""
        self.refresh()

    def exit(self) -> None:
        """The module is left; an installation goes on."""

    def cleanup(self) -> None:
        """The window goes."""
        self._session.setupWanted.disconnect(self.confirm)

    def confirm(self, groups: Sequence[str] = (BASE,), offlineFolder: Path | None = None) -> None:
        """Show what would be installed, and ask once."""
        if self._installer.isInstalling():
            return
        plan = self._installer.plan(groups, offlineFolder)
        cancel = (_("Cancel"), self._dismiss)
        folder = (_("From a folder..."), lambda: self._chooseFolder(groups))
        if not plan.missing:
            self.message.clear()
        elif plan.missingExtension:
            text = _("Install extension {name}").format(name=plan.missingExtension)
            install = (text, lambda: self._installExtension(groups))
            self.message.warning(_problemText(plan), [install, folder, cancel])
        elif plan.problem:
            self.message.error(_problemText(plan), [folder, cancel])
        else:
            install = (_("Install"), lambda: self._install(groups, offlineFolder))
            self.message.warning(plan.question, [install, folder, cancel])
        self.message.reveal()

    def _chooseFolder(self, groups: Sequence[str]) -> None:
        title = _("Folder with the packages as wheel files")
        found = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title)
        if found:
            self.confirm(groups, Path(found))

    def _dismiss(self) -> None:
        self._isDismissed = True
        self.message.clear()

    def _giveUp(self) -> None:
        self._installer.dismiss()
        self._dismiss()

    def _install(self, groups: Sequence[str], offlineFolder: Path | None) -> None:
        self.message.info(_("Installing. Slicer can be used meanwhile."))
        self._installer.install(_yes, offlineFolder, self._showLine, self._onFinished, groups)

    def _resume(self) -> None:
        self.message.info(_("Installing. Slicer can be used meanwhile."))
        self._installer.resume(self._showLine, self._onFinished)

    def _installExtension(self, groups: Sequence[str]) -> None:
        self._onFinished(self._installer.installPyTorchExtension(groups))

    def _showLine(self, line: str) -> None:
        """The last line that pip has said, so that one sees that it goes on."""
        text = " ".join(line.split())
        if text:
            shown = text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 3] + "..."
            self.message.info(_("Installing. Slicer can be used meanwhile.\n{line}").format(line=shown))

    def _onFinished(self, result: InstallResult) -> None:
        if result.outcome is Outcome.RESTART:
            text = result.text or _("Installed. It can be used after Slicer was started again.")
            self.message.warning(text, self._restartActions())
        elif result.outcome is Outcome.FAILED:
            lines = "\n".join(result.lastLines[-3:])
            text = "\n".join(filter(None, (f"{result.text} {result.remedy}".strip(), lines)))
            self.message.error(text, [(_("Try again"), self.confirm), (_("Close"), self._dismiss)])
        elif result.outcome is Outcome.DECLINED:
            self._dismiss()
        else:
            self.message.info(result.text or _("Everything is installed."), [(_("Close"), self._dismiss)])
            self._session.setupFinished.emit()

    def _restartActions(self) -> list[Action]:
        return [(_("Restart Slicer"), self._restart), (_("Later"), self._dismiss)]

    def _restart(self) -> None:
        """Slicer asks nothing when it is restarted, so unsaved edits are asked about here."""
        try:
            mayRestart = self._session.case.leave()
        except CohortError as error:
            self.message.error(str(error), self._restartActions())
            return
        if mayRestart:
            slicer.util.restart()


def _problemText(plan: InstallPlan) -> str:
    return f"{plan.problem or plan.question} {plan.remedy}".strip()


def _yes(_plan: InstallPlan) -> bool:
    """The plan was shown and confirmed in the panel before."""
    return True
