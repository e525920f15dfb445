"""The buttons that choose an effect, and the options of the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.bed.segment_editor.effect import qSlicerSegmentEditorAbstractEffect
from Testing.bed.segment_editor.paint import EraseEffect, PaintEffect
from Testing.bed.segment_editor.threshold import ThresholdEffect

NO_EFFECT = "NULL"
EFFECTS = {"Threshold": ThresholdEffect, "Paint": PaintEffect, "Erase": EraseEffect}


class EffectsBox(QtWidgets.QWidget):
    """One button for each effect and one for none; `chosen` carries the effect's name, or an empty text."""

    chosen = QtCore.Signal(str)

    def __init__(self, logic: Any) -> None:
        super().__init__()
        self.effects = {name: kind(name, logic, self) for name, kind in EFFECTS.items()}
        self.order: list[str] = []
        self.others_visible = True
        self._buttons: dict[str, QtWidgets.QToolButton] = {}
        self.buttons_box = QtWidgets.QGroupBox("Effects", objectName="EffectsGroupBox")
        self.options_box = QtWidgets.QGroupBox(objectName="OptionsGroupBox", visible=False)
        self._row = QtWidgets.QHBoxLayout(self.buttons_box)
        self._help = QtWidgets.QLabel(objectName="EffectHelpBrowser", wordWrap=True)
        options = QtWidgets.QVBoxLayout(self.options_box)
        options.addWidget(self._help)
        for effect in self.effects.values():
            effect.optionsFrame().hide()
            options.addWidget(effect.optionsFrame())
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.buttons_box)
        layout.addWidget(self.options_box)
        self.update_buttons()

    def names(self) -> list[str]:
        """Effects that are offered, in the order of their buttons."""
        ordered = [name for name in self.order if name in self.effects]
        others = [name for name in self.effects if name not in ordered]
        return ordered + (others if self.others_visible else [])

    def set_order(self, names: Sequence[str], others_visible: bool) -> None:
        """Set the order; effects of other names are unknown here and ignored."""
        self.order, self.others_visible = list(names), others_visible
        self.update_buttons()

    def update_buttons(self) -> None:
        """Make the buttons anew."""
        for button in self._buttons.values():
            button.deleteLater()
        self._buttons = {name: self._button(name) for name in ["", *self.names()]}

    def _button(self, name: str) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(objectName=name or NO_EFFECT, checkable=True, checked=not name)
        button.setText(self.effects[name].title_text if name else "None")
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._row.addWidget(button)
        return button

    def show_state(self, active: str, editable: bool, segment_selected: bool) -> None:
        """Show which effect is active and which can be chosen."""
        self.buttons_box.setEnabled(editable)
        self.options_box.setEnabled(editable)
        for name, button in self._buttons.items():
            button.setChecked(name == active)
            button.setEnabled(not name or segment_selected)
        effect: qSlicerSegmentEditorAbstractEffect | None = self.effects.get(active)
        self.options_box.setVisible(effect is not None)
        for other in self.effects.values():
            other.optionsFrame().setVisible(other is effect)
        if effect is not None:
            self.options_box.setTitle(effect.title_text)
            self._help.setText(effect.help_text)
