"""One volume segmented for a script: the call returns when it is done. The window has its own way."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import slicer

from .. import scene
from ..cohort import CohortError
from ..engine import Problem, VerbProcess, modelEntry, predictVolumes
from ..i18n import _
from .model_looks import classesOf
from .session import Session

POLL_SECONDS = 0.1


def segmentNow(
    session: Session, volumeNode: slicer.vtkMRMLScalarVolumeNode, model: Path, device: str = "auto"
) -> slicer.vtkMRMLSegmentationNode:
    """The segmentation of a volume by a model file, beside the volume in the scene, temporary files removed.

    Raises CohortError: what `volumeProblem` gives, no_python, missing_packages, and what is wrong with the
    model or the engine says.
    """
    entry = modelEntry(model)
    _raise(entry.problem)
    python = session.requireEngine()
    missing = session.installer.missing()
    if missing:
        text = _("Packages are not installed: {names}.").format(names=", ".join(missing))
        raise CohortError("missing_packages", text, _("Install them in the module CFRSegment."))
    with tempfile.TemporaryDirectory(prefix="CFRSegment", ignore_cleanup_errors=True) as name:
        image, label = Path(name) / "image.nrrd", Path(name) / "label.nrrd"
        scene.exportVolume(volumeNode, image)
        task = predictVolumes(python, session.variables(), model, [(image, label)], device)
        try:
            task.start()
            while task.isRunning:
                task.poll()
                time.sleep(POLL_SECONDS)
            _raise(task.problem or _problemOfVolume(task))
        finally:
            task.close()
        title = _("{volume} segmentation").format(volume=volumeNode.GetName())
        return scene.importResult(label, volumeNode, classesOf(entry), title, algorithm=entry.name)


def _problemOfVolume(task: VerbProcess) -> Problem | None:
    """Why this volume could not be segmented, of a task that has ended well otherwise."""
    case = next((item for item in task.messages if item.get("type") == "case"), {})
    if case.get("ok") is True:
        return None
    text = str(case.get("text") or _("The engine gave no result."))
    return Problem(str(case.get("code") or "no_result"), text, str(case.get("remedy") or ""))


def _raise(problem: Problem | None) -> None:
    """Raises CohortError where there is a problem."""
    if problem is not None:
        raise CohortError(problem.code, problem.text, problem.remedy)
