"""ctkFlowLayout and ctkExpandableWidget: places for other widgets."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.stored import parent_of, stored

Property = QtCore.Property
HORIZONTAL = QtCore.Qt.Orientation.Horizontal


class ctkFlowLayout(QtWidgets.QLayout):
    """Items one after the other, in as many rows as the width makes necessary."""

    alignItems = stored(bool, True, QtWidgets.QLayout.invalidate)
    orientation = stored(int, int(HORIZONTAL.value))
    preferredExpandingDirections = stored(int, int(HORIZONTAL.value))
    horizontalSpacing = stored(int, 6, QtWidgets.QLayout.invalidate)
    verticalSpacing = stored(int, 6, QtWidgets.QLayout.invalidate)

    def __init__(self, *arguments: object) -> None:
        self._items: list[QtWidgets.QLayoutItem] = []
        parent = parent_of(arguments)
        super().__init__(parent) if parent else super().__init__()

    def addItem(self, item: QtWidgets.QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> QtCore.Qt.Orientation:
        return QtCore.Qt.Orientation(self.preferredExpandingDirections)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QtCore.QRect(0, 0, width, 0), move=False)

    def setGeometry(self, place: QtCore.QRect) -> None:
        super().setGeometry(place)
        self._arrange(place, move=True)

    def sizeHint(self) -> QtCore.QSize:
        """All items in one row."""
        margins = self.contentsMargins()
        widths = [item.sizeHint().width() + self.horizontalSpacing for item in self._items]
        height = max((item.sizeHint().height() for item in self._items), default=0)
        return QtCore.QSize(
            sum(widths) + margins.left() + margins.right(), height + margins.top() + margins.bottom()
        )

    def minimumSize(self) -> QtCore.QSize:
        """As large as the largest item."""
        margins = self.contentsMargins()
        size = QtCore.QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size.grownBy(margins)

    def _arrange(self, place: QtCore.QRect, move: bool) -> int:
        """Put the items into rows; returns the height they need."""
        margins = self.contentsMargins()
        inner = place.marginsRemoved(margins)
        x, y, row_height = inner.x(), inner.y(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint()
            if x > inner.x() and x + size.width() > inner.x() + inner.width():
                x, y, row_height = inner.x(), y + row_height + self.verticalSpacing, 0
            if move:
                item.setGeometry(QtCore.QRect(QtCore.QPoint(x, y), size))
            x += size.width() + self.horizontalSpacing
            row_height = max(row_height, size.height())
        return y + row_height - place.y() + margins.bottom()


class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame with a corner to pull it larger."""

    orientations = stored(int, 0x3)
    sizeGripInside = stored(bool, True)
    sizeGripMargins = stored(QtCore.QSize, QtCore.QSize())

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._grip = QtWidgets.QSizeGrip(self)

    def updateSizeHint(self) -> None:
        """Slot of CTK."""
        self.updateGeometry()

    def resizeEvent(self, event: QtCore.QEvent) -> None:
        super().resizeEvent(event)
        self._grip.move(self.width() - self._grip.width(), self.height() - self._grip.height())
