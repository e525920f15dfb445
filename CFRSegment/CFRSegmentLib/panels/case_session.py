"""The case that is open: its volume and its segmentation in the scene, and the guard over unsaved edits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from .. import scene
from ..cohort import Case, CohortError, Status
from ..i18n import _
from ..scene import Role, SaveReport
from .case_nodes import findNodes, hasEdits, loadLabel, loadNodes, makeLabel, shownFile, wearClasses
from .edit_observer import EditObserver
from .signals import Signal
from .unsaved_guard import Answer

if TYPE_CHECKING:
    from .session import Session


class CaseSession:
    """At most one case is open. changed(): another one, or none. editsChanged(): `isModified` has changed.
    looksChanged(): a segment was renamed or colored.

    ask: the question about unsaved edits; without a window the answer is to stay. canUndoEdit: whether the
    editor has a stroke to take back; the panel with the editor puts its function there.
    """

    def __init__(self, session: Session) -> None:
        self.changed = Signal()
        self.editsChanged = Signal()
        self.looksChanged = Signal()
        self.ask: Callable[[str, bool], Answer] = lambda _title, _canStay: Answer.STAY
        self.canUndoEdit: Callable[[], bool] = lambda: False
        self.lastReport: SaveReport | None = None
        self._session = session
        self._observer = EditObserver(self._onEdited, self.looksChanged.emit)
        self._clear()

    @property
    def current(self) -> Case | None:
        """The open case as the cohort has it now."""
        cohort = self._session.cohort
        found = cohort.cases() if self.id and cohort is not None else ()
        return next((case for case in found if case.id == self.id), None)

    @property
    def isModified(self) -> bool:
        """Whether there are edits that are not saved."""
        return self._isModified

    def isWhole(self) -> bool:
        """Whether a case is open and its nodes are still in the scene."""
        return scene.isInScene(self.volumeNode) and scene.isInScene(self.segmentationNode)

    def open(self, caseId: str, fit: bool = True) -> bool:
        """Load a case and show it; False where the user stays with the one that has unsaved edits.

        Shown is the label; without one the draft of a correction; for a pseudo-labeled case its pseudo-label;
        else an empty segmentation. Raises CohortError; then the case before is still open.
        """
        if caseId == self.id and self.isWhole():
            self.show(fit)
            return True
        cohort = self._session.requireCohort()
        case = cohort.case(caseId)
        if case.image is None:
            raise CohortError("no_image", case.problem or _("The volume cannot be used."), "")
        if not self.leave():
            return False
        if not self.reattach(caseId):
            nodes = loadNodes(case, cohort.classes)
            self._drop(exceptFor=caseId)
            self._take(caseId, *nodes)
            self.changed.emit()
        self.show(fit)
        return True

    def reattach(self, caseId: str) -> bool:
        """Take over the nodes of a case that a loaded scene brought; False where there are none."""
        cohort = self._session.requireCohort()
        case = cohort.case(caseId)
        nodes = findNodes(case)
        if nodes is None:
            return False
        self._drop(exceptFor=caseId)
        wearClasses(nodes[1], cohort.classes)
        self._take(caseId, *nodes)
        self._setModified(hasEdits(case, *nodes, cohort.classes))
        self.changed.emit()
        return True

    def applyClasses(self) -> None:
        """Give the segments the names, colors and terms of the cohort's classes; that is no edit."""
        if self.isWhole():
            self._observer.stop()
            wearClasses(self.segmentationNode, self._session.requireCohort().classes)
            self._observer.start(self.segmentationNode)

    def show(self, fit: bool = True) -> None:
        """Put volume and segmentation into the views; with `fit` the whole volume is in view."""
        scene.showVolume(self.volumeNode, fit)
        scene.showSegmentation(self.segmentationNode)

    def save(self) -> SaveReport:
        """Write the label: a correction for a pseudo-labeled case, a label for any other.

        Raises CohortError; the label before is then still there, and the edits are still in the scene.
        """
        cohort, case = self._session.requireCohort(), self.current
        if case is None or self.segmentationNode is None:
            raise CohortError("no_case", _("No case is open."), _("Open one in the list of cases."))
        temporary = cohort.newLabelFile(case.id)
        try:
            report = scene.saveSegmentation(self.segmentationNode, self.volumeNode, cohort.classes, temporary)
            changed = self._changedVoxels(case)
            commit = cohort.correct if case.status is Status.PSEUDO_LABELED else cohort.commitLabel
            commit(case.id, temporary, self._session.alias, changed)
        finally:
            temporary.unlink(missing_ok=True)
        self.lastReport = report
        self.shows = Role.LABEL
        makeLabel(self.segmentationNode, case)
        self._setModified(False)
        self._session.casesChanged.emit((case.id,))
        return report

    def importLabel(self, path: Path) -> None:
        """Replace the segmentation by a label map from a file; it is an edit until it is saved.

        Raises CohortError: no_case, missing, unreadable, other_grid, label_values; nothing has changed then.
        """
        case, classes = self.current, self._session.requireCohort().classes
        if case is None or not self.isWhole():
            raise CohortError("no_case", _("No case is open."), _("Open one in the list of cases."))
        imported = loadLabel(path, case, self.volumeNode, classes)
        self._observer.stop()
        slicer.mrmlScene.RemoveNode(self.segmentationNode)
        self._take(case.id, self.volumeNode, imported)
        self.show()
        self.changed.emit()
        self._setModified(True)

    def discard(self) -> None:
        """Load the saved segmentation again; the edits are gone, volume and views stay as they are."""
        caseId, wasWhole = self.id, self.isWhole()
        if caseId is not None:
            self._setModified(False)
            self._drop(keepImage=wasWhole)
            self.open(caseId, fit=not wasWhole)

    def leave(self, canStay: bool = True) -> bool:
        """Ask about unsaved edits, if there are any; True where they are saved or given up.

        Where saving fails the error comes out, and nothing has changed.
        """
        if not self._isModified or not self.isWhole() or self.current is None:
            return True
        answer = self.ask(self.current.title, canStay)
        if answer is Answer.SAVE:
            self.save()
        return answer is not Answer.STAY

    def close(self, ask: bool = True) -> bool:
        """Take the case out of the scene; False where the user stays with unsaved edits."""
        if ask and not self.leave():
            return False
        self._drop()
        self.changed.emit()
        return True

    def forget(self) -> None:
        """No case is open any more; its nodes stay, or are gone with the scene."""
        self._observer.stop()
        self._clear()
        self.changed.emit()

    def _take(
        self,
        caseId: str,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
    ) -> None:
        self._clear()
        self.id, self.volumeNode, self.segmentationNode = caseId, volumeNode, segmentationNode
        self.shows = scene.roleOf(segmentationNode)
        self._observer.start(segmentationNode)
        if self._session.parameters is not None:
            self._session.parameters.caseId = caseId

    def _drop(self, exceptFor: str = "", keepImage: bool = False) -> None:
        """Remove the nodes of the open case, unless it is `exceptFor`; its volume may stay."""
        self._observer.stop()
        if self.id is not None and self.id != exceptFor:
            scene.removeCaseNodes(self.id, keepImage)
        self._clear()
        if self._session.parameters is not None:
            self._session.parameters.caseId = ""

    def _clear(self) -> None:
        self.id: str | None = None
        self.volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
        self.segmentationNode: slicer.vtkMRMLSegmentationNode | None = None
        self.shows: Role | None = None
        self._isModified = False

    def _onEdited(self) -> None:
        self._setModified(True)

    def _setModified(self, modified: bool) -> None:
        if modified != self._isModified:
            self._isModified = modified
            self.editsChanged.emit()

    def _changedVoxels(self, case: Case) -> int | None:
        """Against what was shown: the pseudo-label or the label before; None where nothing is comparable."""
        reference = case.pseudoLabel if case.status is Status.PSEUDO_LABELED else shownFile(case)[0]
        if reference is None:
            return None
        classes = self._session.requireCohort().classes
        try:
            return scene.changedVoxels(self.segmentationNode, self.volumeNode, classes, reference)
        except CohortError:  # the file before is damaged: the new label is what counts
            return None
