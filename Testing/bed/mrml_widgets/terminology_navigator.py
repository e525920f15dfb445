"""Stand-in of qSlicerTerminologyNavigatorWidget: a list of the coded terms that the bed's terminology has."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.stored import stored
from Testing.bed.terminology_files import GENERAL_ANATOMY, categories


class qSlicerTerminologyNavigatorWidget(QtWidgets.QWidget):
    """Choose one type; its category comes with it. Regions and modifiers are left out."""

    selectionValidityChanged = QtCore.Signal(bool)
    overrideSectionVisible = stored(bool, True)
    regionSectionVisible = stored(bool, True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._types = [(category, kind) for category, kinds in categories() for kind in kinds]
        self._list = QtWidgets.QListWidget(objectName="TypeList")
        self._list.addItems([name for _category, (name, _code, _color) in self._types])
        self._list.currentRowChanged.connect(lambda row: self.selectionValidityChanged.emit(row >= 0))
        QtWidgets.QVBoxLayout(self).addWidget(self._list)

    def setTerminologyEntry(self, entry: Any) -> bool:
        """Select the type of the entry; False where the list does not have it."""
        value = entry.GetTypeObject().GetCodeValue()
        rows = [row for row, (_category, kind) in enumerate(self._types) if kind[1] == value]
        self._list.setCurrentRow(rows[0] if rows else -1)
        return bool(rows)

    def terminologyEntry(self, entry: Any) -> bool:
        """Fill in the entry; False where nothing is selected."""
        row = self._list.currentRow()
        if row < 0:
            return False
        category, kind = self._types[row]
        entry.SetTerminologyContextName(GENERAL_ANATOMY)
        for part, (meaning, value) in (
            (entry.GetCategoryObject(), category),
            (entry.GetTypeObject(), kind[:2]),
        ):
            part.SetCodingSchemeDesignator("SCT")
            part.SetCodeValue(value)
            part.SetCodeMeaning(meaning)
        return True

    def nameFromTerminology(self, entry: Any) -> str:
        """What the type is called."""
        return entry.GetTypeObject().GetCodeMeaning() or ""
