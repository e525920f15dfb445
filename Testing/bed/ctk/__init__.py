"""Stand-ins for the widgets of CTK that scripted modules use, with CTK's own names of properties and signals.

PythonQt shows of a CTK class its properties, signals, slots and invokable functions, nothing else: setters
that are no slots (as setCollapsed) do not exist for module code, and so not here.
"""

from __future__ import annotations

import types

from Testing.bed import pythonqt
from Testing.bed.ctk import choices, folding, layouts, numbers, paths, ranges, texts

STAND_INS = (
    choices.ctkCheckableComboBox,
    choices.ctkCheckablePushButton,
    choices.ctkCheckBox,
    choices.ctkColorPickerButton,
    choices.ctkComboBox,
    choices.ctkMenuButton,
    choices.ctkPushButton,
    folding.ctkCollapsibleButton,
    folding.ctkCollapsibleGroupBox,
    layouts.ctkExpandableWidget,
    layouts.ctkFlowLayout,
    numbers.ctkDoubleSlider,
    numbers.ctkDoubleSpinBox,
    numbers.ctkSliderWidget,
    paths.ctkDirectoryButton,
    paths.ctkPathLineEdit,
    ranges.ctkDoubleRangeSlider,
    ranges.ctkRangeWidget,
    texts.ctkFittedTextBrowser,
    texts.ctkMessageBox,
    texts.ctkSearchBox,
)


def install() -> types.ModuleType:
    """Make `qt` and `ctk` importable, `ctk` with the stand-ins; returns `ctk`. May be called again."""
    _, ctk = pythonqt.install()
    for stand_in in STAND_INS:
        pythonqt.register(stand_in, ctk)
    return ctk
