"""The menu `Add volumes`: from the scene, from files or a folder, from the DICOM database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import qt
import slicer

from .. import scene
from ..cohort import CohortError
from ..i18n import _
from ..scene import Candidate, DicomSeries
from .message_line import MessageLine
from .scene_volumes import addDicomSeries, addSceneVolume
from .session import Session
from .signals import Signal
from .volume_chooser import Choice, chooseVolumes
from .volume_collector import Collected, VolumeCollector

FILE_TYPES = "*.nii *.nii.gz *.nrrd *.mha *.dcm"


class VolumeAdding:
    """Adds volumes to the open cohort, and says what came of it. busyChanged(): `isBusy` has changed."""

    def __init__(self, session: Session, button: qt.QPushButton, messages: MessageLine) -> None:
        self.busyChanged = Signal()
        self.showFailed: Callable[[], None] = lambda: None
        self.collector = VolumeCollector(session)
        self.collector.finished.connect(self._onCollected)
        self._session = session
        self._messages = messages
        self._series: list[DicomSeries] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._addNextSeries)
        self._menu = qt.QMenu(button)
        for text, function in (
            (_("From the scene..."), self.addFromScene),
            (_("Files..."), self.addFiles),
            (_("Folder..."), self.addFolder),
            (_("DICOM database..."), self.addFromDicom),
        ):
            self._menu.addAction(text).connect("triggered()", function)
        button.setMenu(self._menu)

    @property
    def isBusy(self) -> bool:
        """Whether volumes are being added."""
        return self.collector.isRunning or bool(self._series)

    def addPaths(self, paths: Sequence[Path]) -> None:
        """Add files and folders."""
        if not paths or self.isBusy:
            return
        try:
            self._messages.clear()
            self.collector.start(paths)
        except (CohortError, OSError) as error:
            self._messages.error(str(error))
        self.busyChanged.emit()

    def addFiles(self) -> None:
        """Ask for files."""
        types = ";;".join([_("Volumes ({types})").format(types=FILE_TYPES), _("All files (*)")])
        window = slicer.util.mainWindow()
        found = qt.QFileDialog.getOpenFileNames(window, _("Add volumes"), self._lastFolder(), types)
        self._remember(found)
        self.addPaths([Path(path) for path in found])

    def addFolder(self) -> None:
        """Ask for a folder; folders in it are searched, too."""
        title = _("Add all volumes of a folder")
        found = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, self._lastFolder())
        if found:
            self._remember([found])
            self.addPaths([Path(found)])

    def addFromScene(self) -> None:
        """Ask which volumes of the scene."""
        found = [item for item in scene.candidateVolumes() if scene.caseIdOf(item.node) is None]
        if not found:
            self._messages.info(_("The scene holds no volume that is not a case already. Load one first."))
            return
        choices = [Choice(item.name, item.problem, not item.problem) for item in found]
        chosen = chooseVolumes(_("Add volumes of the scene"), choices)
        self._addNodes([found[index] for index in chosen])

    def addFromDicom(self) -> None:
        """Ask which series of the DICOM database."""
        found = scene.dicomSeries()
        if not found:
            text = _("The DICOM database holds no images. Import them in the DICOM module first.")
            self._messages.info(text, [(_("Open DICOM module"), _openDicomModule)])
            return
        choices = [Choice(_seriesText(series)) for series in found]
        chosen = chooseVolumes(_("Add series of the DICOM database"), choices)
        self._series = [found[index] for index in chosen]
        self._total, self._result = len(self._series), Collected()
        if self._series:
            self._messages.clear()
            self.collector.progress.emit(0, self._total)
            self._timer.start(0)
        self.busyChanged.emit()

    def cancel(self) -> None:
        """Stop; what was added so far stays."""
        self.collector.cancel()
        if self._series:
            self._result.cancelled = True
            self._series = []

    def cleanup(self) -> None:
        """End at once."""
        self._timer.stop()
        self._series = []
        self.collector.close()

    def _addNodes(self, candidates: Sequence[Candidate]) -> None:
        result, cohort = Collected(), self._session.requireCohort()
        before = {case.id for case in cohort.cases()}
        try:
            for candidate in candidates:
                case = addSceneVolume(cohort, candidate.node)
                if case.id in before:
                    result.known += 1
                else:
                    result.added.append(case.id)
        except CohortError as error:
            result.problem = str(error)
        if candidates:
            self._session.casesChanged.emit(tuple(result.added))
            self._tell(result)

    def _addNextSeries(self) -> None:
        """One series per turn of the event loop, so that the window stays alive between them."""
        if self._series:
            series = self._series.pop(0)
            try:
                self._addSeries(series)
            except CohortError as error:
                self._result.problem = str(error)
                self._series = []
            self.collector.progress.emit(self._total - len(self._series), self._total)
        if self._series:
            self._timer.start(0)
        else:
            self._onCollected(self._result)

    def _addSeries(self, series: DicomSeries) -> None:
        cohort = self._session.requireCohort()
        before = {case.id for case in cohort.cases()}
        case = addDicomSeries(cohort, series)
        if case.problem:
            self._result.failed.append(case.id)
        elif case.id in before:
            self._result.known += 1
        else:
            self._result.added.append(case.id)
        self._session.casesChanged.emit((case.id,))

    def _onCollected(self, result: Collected) -> None:
        self._tell(result)
        self.busyChanged.emit()

    def _tell(self, result: Collected) -> None:
        """What came of it, in one line."""
        text = collectedText(result)
        if result.problem:
            self._messages.error(text)
        elif result.failed:
            self._messages.warning(text, [(_("Show unreadable"), self.showFailed)])
        else:
            self._messages.info(text)

    def _lastFolder(self) -> str:
        return self._session.settings.value("LastFolder")

    def _remember(self, paths: Sequence[str]) -> None:
        if paths:
            self._session.settings.setValue("LastFolder", str(Path(paths[0]).parent))


def collectedText(result: Collected) -> str:
    """What became of volumes that were to be added."""
    parts = []
    if result.cancelled:
        parts.append(_("Cancelled."))
    if result.added:
        count = len(result.added)
        parts.append(_("1 case added.") if count == 1 else _("{count} cases added.").format(count=count))
    if result.known:
        count = result.known
        known = _("{count} volumes were in the cohort already.").format(count=count)
        parts.append(_("1 volume was in the cohort already.") if count == 1 else known)
    if result.failed:
        count = len(result.failed)
        failed = _("{count} volumes cannot be used; the list says why.").format(count=count)
        parts.append(_("1 volume cannot be used; the list says why.") if count == 1 else failed)
    if result.problem:
        parts.append(result.problem)
    return " ".join(parts) or _("No volumes were found there.")


def _seriesText(series: DicomSeries) -> str:
    images = _("{count} images").format(count=series.images)
    described = series.description or _("without description")
    return ", ".join(filter(None, (series.date, series.modality, described, images)))


def _openDicomModule() -> None:
    slicer.util.selectModule("DICOM")
