"""One volume segmented for a script: the call returns when it is done. The window has its own way."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import slicer

from .. import scene
from ..cohort import CohortError, SegmentClass
from ..engine import ModelStore, predictVolumes
from ..i18n import _
from .session import Session

POLL_SECONDS = 0.1


def segmentNow(
    session: Session, volumeNode: slicer.vtkMRMLScalarVolumeNode, model: Path, device: str = "auto"
) -> slicer.vtkMRMLSegmentationNode:
    """The segmentation of a volume by a model file, beside the volume in the scene, temporary files removed.

    Raises CohortError: what `volumeProblem` gives, no_python, missing_packages, and what the engine says.
    """
    classes = _classesOf(model)
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
            if task.problem is not None:
                raise CohortError(task.problem.code, task.problem.text, task.problem.remedy)
        finally:
            task.close()
        title = _("{volume} segmentation").format(volume=volumeNode.GetName())
        return scene.importResult(label, volumeNode, classes, title, algorithm=model.stem)


def _classesOf(model: Path) -> tuple[SegmentClass, ...]:
    """The classes in a model file. Raises CohortError where it cannot be used."""
    entry = next((item for item in ModelStore(model.parent).models() if item.path == model), None)
    if entry is None or entry.problem is not None:
        text = _("The model {name} cannot be used.").format(name=model.name)
        raise CohortError("bad_model", str(entry.problem) if entry and entry.problem else text, "")
    return tuple(
        SegmentClass(item.value, item.name, tuple(item.color), item.terminology) for item in entry.classes
    )
