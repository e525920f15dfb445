"""The base of the effects: parameters, kept in the segment editor node, and changes of a segment."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

_LOGIC = slicer.vtkSlicerSegmentEditorLogic
MODES = (
    _LOGIC.ModificationModeSet,
    _LOGIC.ModificationModeAdd,
    _LOGIC.ModificationModeRemove,
    _LOGIC.ModificationModeRemoveAll,
)


class qSlicerSegmentEditorAbstractEffect(QtCore.QObject):
    """One effect. Its parameters are attributes `<effect>.<name>` of the node, common ones `<name>`."""

    ModificationModeSet = 0
    ModificationModeAdd = 1
    ModificationModeRemove = 2
    ModificationModeRemoveAll = 3

    title_text = ""
    help_text = ""
    common_defaults: dict[str, Any] = {}
    own_defaults: dict[str, Any] = {}
    title = QtCore.Property(str, lambda self: self.title_text)
    perSegment = QtCore.Property(bool, lambda self: True)

    def __init__(self, name: str, logic: Any, parent: QtCore.QObject) -> None:
        super().__init__(parent, objectName=name)
        self._logic = logic
        self._updating = False
        self._frame = QtWidgets.QFrame(objectName=f"{name}Options")
        self.fill_options(QtWidgets.QFormLayout(self._frame))

    def fill_options(self, form: QtWidgets.QFormLayout) -> None:
        """Put the effect's controls into a form."""

    def show_options(self) -> None:
        """Let the controls show the parameters."""

    def update_options(self) -> None:
        """Show the parameters without taking the change for the user's."""
        if self.parameterSetNode() is not None:
            self._updating = True
            self.show_options()
            self._updating = False

    def optionsFrame(self) -> QtWidgets.QFrame:
        return self._frame

    def self(self) -> qSlicerSegmentEditorAbstractEffect:
        return self

    def parameterSetNode(self) -> Any:
        return self._logic.GetSegmentEditorNode()

    def set_defaults(self) -> None:
        """Give the node the parameters it does not have."""
        node = self.parameterSetNode()
        own = {f"{self.objectName()}.{name}": value for name, value in self.own_defaults.items()}
        for name, value in {**self.common_defaults, **own}.items():
            if node.GetAttribute(name) is None:
                node.SetAttribute(name, str(value))

    def parameter(self, name: str) -> str:
        """A parameter as text; the effect's own before a common one. Raises KeyError where there is none."""
        node = self.parameterSetNode()
        own = node.GetAttribute(f"{self.objectName()}.{name}")
        value = node.GetAttribute(name) if own is None else own
        if value is None:
            raise KeyError(f"Parameter named {name} cannot be found for effect {self.objectName()}")
        return value

    def parameterDefined(self, name: str) -> bool:
        node = self.parameterSetNode()
        names = (f"{self.objectName()}.{name}", name)
        return any(node.GetAttribute(item) is not None for item in names)

    def integerParameter(self, name: str) -> int:
        return int(float(self.parameter(name)))

    def doubleParameter(self, name: str) -> float:
        return float(self.parameter(name))

    def setParameter(self, name: str, value: Any) -> None:
        """Set one of the effect's own parameters."""
        self._set(f"{self.objectName()}.{name}", value)

    def setCommonParameter(self, name: str, value: Any) -> None:
        """Set a parameter that several effects share."""
        self._set(name, value)

    def _set(self, attribute: str, value: Any) -> None:
        node = self.parameterSetNode()
        if node is not None and node.GetAttribute(attribute) != str(value):
            node.SetAttribute(attribute, str(value))
            node.InvokeCustomModifiedEvent(node.EffectParameterModified)

    def activate(self) -> None:
        """The user chose the effect."""
        self.update_options()

    def deactivate(self) -> None:
        """The user chose another effect or none."""

    def process_interaction(self, event: str, interactor: Any, widget: Any) -> bool:
        """Handle an event of a slice view; True keeps it from the view itself."""
        return False

    def saveStateForUndo(self) -> None:
        """What happens from now on can be undone in one step."""
        self._logic.SaveStateForUndo()

    def defaultModifierLabelmap(self) -> Any:
        """An empty label map with the geometry that is edited, or None where there is no geometry yet."""
        return self._logic.GetModifierLabelmap() if self._logic.ResetModifierLabelmapToDefault() else None

    def modifySelectedSegmentByLabelmap(self, labelmap: Any, mode: int, bypassMasking: bool = False) -> None:
        """Change the selected segment; masking and overwriting follow the segment editor node."""
        node = self.parameterSetNode()
        segmentation, segment = node.GetSegmentationNode(), node.GetSelectedSegmentID()
        self._logic.ModifySegmentByLabelmap(segmentation, segment, labelmap, MODES[mode], True, bypassMasking)

    def selectEffect(self, name: str) -> None:
        """Choose another effect, or none by an empty name."""
        self.parameterSetNode().SetActiveEffectName(name)
