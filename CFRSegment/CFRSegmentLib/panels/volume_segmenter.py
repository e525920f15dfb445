"""One volume of the scene, segmented by a model while the window goes on."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from .. import scene
from ..cohort import CohortError
from ..engine import ModelEntry, predictVolumes
from ..i18n import _
from .engine_task import EngineTask
from .model_looks import classesOf
from .signals import Signal

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True)
class Segmented:
    """A segmentation that a model made. seconds: from the click to the result. milliliters: by class name."""

    node: slicer.vtkMRMLSegmentationNode
    volumeName: str
    seconds: float
    milliliters: tuple[tuple[str, float], ...]


class VolumeSegmenter:
    """progressed(done, of). finished(Segmented). failed(text). canceled()."""

    def __init__(self, session: Session) -> None:
        self.progressed = Signal()
        self.finished = Signal()
        self.failed = Signal()
        self.canceled = Signal()
        self._session = session
        self._folder: Path | None = None
        self._node: slicer.vtkMRMLVolumeNode | None = None
        self._model: ModelEntry | None = None
        self._started = 0.0
        self._task = EngineTask()
        self._task.progressed.connect(self._onProgress)
        self._task.finished.connect(self._onFinished)

    @property
    def isRunning(self) -> bool:
        """Whether a volume is being segmented."""
        return self._task.isRunning

    def start(self, volumeNode: slicer.vtkMRMLVolumeNode, model: ModelEntry, device: str) -> None:
        """Begin. Raises CohortError: no_python, and what `volumeProblem` and `exportVolume` give."""
        python = self._session.requireEngine()
        self._started, self._node, self._model = time.monotonic(), volumeNode, model
        self._folder = Path(tempfile.mkdtemp(prefix="CFRSegment-"))
        try:
            scene.exportVolume(volumeNode, self._image, compressed=False)
        except CohortError:
            self._clean()
            raise
        pairs = [(self._image, self._label)]
        self._task.start(predictVolumes(python, self._session.variables(), model.path, pairs, device))

    def cancel(self) -> None:
        """Stop; nothing is added to the scene."""
        self._task.cancel()

    def close(self) -> None:
        """The window goes."""
        self._task.close()
        self._clean()

    @property
    def _image(self) -> Path:
        return Path(self._folder or "") / "image.nrrd"

    @property
    def _label(self) -> Path:
        return Path(self._folder or "") / "label.nrrd"

    def _onProgress(self, message: dict[str, Any]) -> None:
        self.progressed.emit(int(message.get("step") or 0), int(message.get("of") or 0))

    def _onFinished(self) -> None:
        try:
            self._conclude()
        finally:
            self._clean()

    def _conclude(self) -> None:
        if self._task.wasCanceled:
            self.canceled.emit()
            return
        case = next((item for item in self._task.messages if item.get("type") == "case"), {})
        if self._task.problem is not None:
            self.failed.emit(str(self._task.problem))
        elif case.get("ok") is not True:
            self.failed.emit(f"{case.get('text', '')} {case.get('remedy', '')}".strip())
        else:
            self._bringIn(case)

    def _bringIn(self, case: dict[str, Any]) -> None:
        """The label map as a segmentation over the volume, which may be gone by now."""
        classes, name = classesOf(self._model), self._node.GetName()
        title = slicer.mrmlScene.GenerateUniqueName(_("{volume} segmentation").format(volume=name))
        try:
            node = scene.importResult(self._label, self._node, classes, title, self._model.name)
        except CohortError as error:
            self.failed.emit(str(error))
            return
        scene.showSegmentation(node)
        milliliters = millilitersOf(case, {item.value: item.name for item in classes})
        self.finished.emit(Segmented(node, name, time.monotonic() - self._started, milliliters))

    def _clean(self) -> None:
        """No voxel of a patient stays in a temporary folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def millilitersOf(case: dict[str, Any], names: dict[int, str]) -> tuple[tuple[str, float], ...]:
    """Volumes by the name of the class, in the order of the classes; 0 for what is not there."""
    found = case.get("volumes_ml") or {}
    return tuple((name, float(found.get(str(value), 0.0))) for value, name in names.items())


def millilitersText(milliliters: tuple[tuple[str, float], ...]) -> str:
    """Volumes in words."""
    parts = [_("{name} {count} ml").format(name=name, count=f"{value:.1f}") for name, value in milliliters]
    return ", ".join(parts)
