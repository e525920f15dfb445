"""Sliders and spin boxes that know the scene; units of the scene are not applied."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.folding import ctkCollapsibleButton
from Testing.bed.ctk.numbers import ctkDoubleSpinBox, ctkSliderWidget
from Testing.bed.ctk.ranges import ctkRangeWidget
from Testing.bed.ctk.stored import stored


class _WithScene:
    """The scene of a widget that inherits from CTK."""

    CPP_SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}
    _scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene."""
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene


class qMRMLSliderWidget(ctkSliderWidget, _WithScene):
    """A slider with a spin box."""

    mrmlSceneChanged = QtCore.Signal(object)
    quantity = stored(str, "")
    unitAwareProperties = stored(int, 0)


class qMRMLSpinBox(ctkDoubleSpinBox, _WithScene):
    """A spin box."""

    mrmlSceneChanged = QtCore.Signal(object)
    quantity = stored(str, "")
    unitAwareProperties = stored(int, 0)


class qMRMLRangeWidget(ctkRangeWidget, _WithScene):
    """Two sliders with spin boxes."""

    mrmlSceneChanged = QtCore.Signal(object)
    quantity = stored(str, "")


class qMRMLCollapsibleButton(ctkCollapsibleButton, _WithScene):
    """A section that folds and hands the scene on."""

    mrmlSceneChanged = QtCore.Signal(object)


class qMRMLCoordinatesWidget(QtWidgets.QWidget, _WithScene):
    """Known by name only."""

    mrmlSceneChanged = QtCore.Signal(object)
    coordinates = stored(str, "0,0,0")
