"""What a test does with the module's window, in the words of a user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events, wait_until


class Window:
    """The module in the test bed. `session`: what the panels share; `cohort`, `annotate` ...: the panels."""

    def __init__(self, bed: Any, widget: Any, user: Any, dialogs: Any) -> None:
        self.bed = bed
        self.widget = widget
        self.user = user
        self.dialogs = dialogs

    @property
    def session(self) -> Any:
        return self.widget.session

    @property
    def cohort(self) -> Any:
        return self.widget.sections.panels["cohort"]

    @property
    def annotate(self) -> Any:
        return self.widget.sections.panels["annotate"]

    def panel(self, name: str) -> Any:
        """Any panel by its name."""
        return self.widget.sections.panels[name]

    def restart(self) -> None:
        """Quit and start the application; the module is open again, with nothing of the scene."""
        self.bed.restart()
        self.widget = self.bed.moduleWidget("CFRSegment")

    def leave_module(self) -> None:
        """Open another module in place of this one."""
        if self.bed.app.moduleManager().module("OtherModule") is None:
            self.bed.loadModule(Path(__file__).with_name("OtherModule.py"), show=True)
        self.bed.selectModule("OtherModule")

    def enter_module(self) -> None:
        """Come back to this module."""
        self.bed.selectModule("CFRSegment")

    def open_cohort(self, folder: Path) -> None:
        """Open a cohort with the button Open and the dialog for folders."""
        self.dialogs.expect(folder, title="Open the folder of a cohort")
        self.user.click(self.cohort.ui.openButton, at=(15, 12))
        wait_until(lambda: self.session.cohort is not None, "an open cohort")

    def rows(self) -> list[tuple[str, ...]]:
        """What the list of cases shows, row by row, once it is filled; hidden columns are left out."""
        view = unwrap(self.cohort.ui.caseView)
        model = view.model()
        wait_until(
            lambda: all(model.index(row, 0).data() for row in range(model.rowCount())), "the last rows' texts"
        )
        columns = [column for column in range(model.columnCount()) if not view.isColumnHidden(column)]
        return [
            tuple(str(model.index(row, column).data() or "") for column in columns)
            for row in range(model.rowCount())
        ]

    def double_click(self, row: int) -> None:
        """Open the case in a row of the list."""
        self.user.click_cell(self.cohort.ui.caseView, row, 0, count=2)
        process_events(0.1)

    def select(self, *rows: int) -> None:
        """Select rows of the list."""
        view = unwrap(self.cohort.ui.caseView)
        self.user.click_cell(view, rows[0], 0)
        selection = view.selectionModel()
        for row in rows[1:]:
            kind = selection.SelectionFlag
            selection.select(view.model().index(row, 0), kind.Select | kind.Rows)
        process_events()

    def paint(self, value: int = 1, view: str = "Red") -> None:
        """A stroke of the Paint effect with the mouse, in the middle of a slice view."""
        editor = self.annotate.host.editor
        editor.setCurrentSegmentID(f"class_{value}")
        editor.setActiveEffectByName("Paint")
        area = self.bed.layoutManager.sliceWidget(view).sliceView().VTKWidget()
        x, y = area.width() // 2, area.height() // 2
        self.user.drag(area, [(x - 20, y), (x, y + 4), (x + 20, y + 8)])

    def voxels(self, value: int) -> np.ndarray:
        """The voxels of a class in the open case, (z, y, x)."""
        import slicer.util

        case = self.session.case
        return slicer.util.arrayFromSegmentBinaryLabelmap(
            case.segmentationNode, f"class_{value}", case.volumeNode
        )

    def sees(self, *widgets: Any) -> bool:
        """Whether every widget is in view, all of it."""
        found = [unwrap(widget) for widget in widgets]
        return all(item.visibleRegion().boundingRect() == item.rect() for item in found)

    def text(self, message: Any) -> str:
        """What a message line shows; empty while it is hidden."""
        return message.text if unwrap(message.frame).isVisible() else ""
