"""ctkCollapsibleButton and ctkCollapsibleGroupBox: a header, and contents that fold away below it."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.bed.ctk.stored import stored, text_and_parent

EVENT = QtCore.QEvent.Type
EXPLICIT = QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide
ALIGN_LEFT = int(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
FLAT_HEIGHT = 14
# CTK remembers under this name what module code wants of a child while the contents are folded.
WANTED = "visibilityToParent"


class Contents(QtCore.QObject):
    """The child widgets of a foldable widget: hidden while it is folded, however they are shown meanwhile."""

    def __init__(self, owner: QtWidgets.QWidget) -> None:
        super().__init__(owner)
        self._owner, self.is_folded, self.is_at_work = owner, False, False

    def fold(self, folded: bool) -> None:
        """Hide the children, or show again those that nobody has hidden on purpose."""
        self.is_folded = folded
        for child in self._owner.findChildren(
            QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly
        ):
            self._apply(child)

    def adopt(self, child: QtCore.QObject) -> None:
        """A child is new and complete."""
        if isinstance(child, QtWidgets.QWidget) and not child.isWindow():
            if child.testAttribute(EXPLICIT) and child.isHidden():
                child.setProperty(WANTED, False)
            child.installEventFilter(self)
            if self.is_folded:
                self._apply(child)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Somebody shows or hides a child: remembered, and while folded not shown."""
        if not self.is_at_work and event.type() in (EVENT.ShowToParent, EVENT.HideToParent):
            child.setProperty(WANTED, event.type() == EVENT.ShowToParent)
            if self.is_folded and event.type() == EVENT.ShowToParent:
                self._apply(child)
        return False

    def _apply(self, child: QtWidgets.QWidget) -> None:
        wanted = child.property(WANTED)
        self.is_at_work = True
        child.setVisible(not self.is_folded and wanted is not False)
        if wanted is not False:  # otherwise Qt would take this for a wish of module code
            child.setAttribute(EXPLICIT, False)
        self.is_at_work = False


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section with a header to click on. `collapsed` may be set before it has children, as in .ui files."""

    contentsCollapsed = QtCore.Signal(bool)
    collapsedHeight = stored(int, FLAT_HEIGHT, QtWidgets.QWidget.updateGeometry)
    flat = stored(bool, False, QtWidgets.QWidget.update)
    contentsFrameShape = stored(int, 0, QtWidgets.QWidget.update)
    contentsFrameShadow = stored(int, int(QtWidgets.QFrame.Shadow.Plain.value), QtWidgets.QWidget.update)
    contentsLineWidth = stored(int, 1, QtWidgets.QWidget.update)
    contentsMidLineWidth = stored(int, 0, QtWidgets.QWidget.update)
    buttonTextAlignment = stored(int, ALIGN_LEFT, QtWidgets.QWidget.update)
    indicatorAlignment = stored(int, ALIGN_LEFT, QtWidgets.QWidget.update)

    def __init__(self, *arguments: object) -> None:
        text, parent = text_and_parent(arguments)
        super().__init__(parent)
        self._contents = Contents(self)
        self._open_maximum = self.maximumHeight()
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self.setContentsMargins(0, self._header_size().height(), 0, 0)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Window)
        self.toggled.connect(self._on_toggled)

    def _get_collapsed(self) -> bool:
        return self._contents.is_folded

    def _set_collapsed(self, collapsed: bool) -> None:
        if self.isCheckable():
            self.setChecked(not collapsed)
        else:
            self._collapse(collapsed)

    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed, notify=contentsCollapsed)

    def _on_toggled(self, checked: bool) -> None:
        if self.isCheckable():
            self._collapse(not checked)

    def _collapse(self, collapsed: bool) -> None:
        if collapsed == self._contents.is_folded:
            return
        if collapsed:
            self._open_maximum = self.maximumHeight()
        self._contents.fold(collapsed)
        self.setMaximumHeight(self.sizeHint().height() if collapsed else self._open_maximum)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def event(self, event: QtCore.QEvent) -> bool:
        if event.type() == EVENT.ChildPolished:
            self._contents.adopt(event.child())
        return super().event(event)

    def setVisible(self, visible: bool) -> None:
        """Qt now shows or hides the children, which is nobody's wish for one of them."""
        self._contents.is_at_work = True
        super().setVisible(visible)
        self._contents.is_at_work = False

    def sizeHint(self) -> QtCore.QSize:
        return self._size(super().sizeHint())

    def minimumSizeHint(self) -> QtCore.QSize:
        return self._size(super().minimumSizeHint())

    def _size(self, opened: QtCore.QSize) -> QtCore.QSize:
        header = self._header_size()
        if self._contents.is_folded:
            return header + QtCore.QSize(0, self.collapsedHeight)
        return opened.expandedTo(header) if self.layout() else header

    def _header_size(self) -> QtCore.QSize:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        text = self.fontMetrics().size(QtCore.Qt.TextFlag.TextShowMnemonic.value, self.text() or "XXXX")
        text.setWidth(text.width() + 2 * text.height())  # the arrow and its distances
        kind = QtWidgets.QStyle.ContentsType.CT_PushButton
        return self.style().sizeFromContents(kind, option, text, self)

    def hitButton(self, place: QtCore.QPoint) -> bool:
        return self.rect().contains(place) and place.y() < self._header_size().height()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """The header: a button with an arrow and the text."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.state |= QtWidgets.QStyle.StateFlag.State_Raised
        if self.isDown():
            option.state |= QtWidgets.QStyle.StateFlag.State_Sunken
        height = self._header_size().height()
        option.rect.setHeight(height)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(height // 4, height // 4, height // 2, height // 2)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(
            element.PE_IndicatorArrowRight if self._contents.is_folded else element.PE_IndicatorArrowDown,
            arrow,
        )
        place = option.rect.adjusted(height, 0, 0, 0)
        alignment = self.buttonTextAlignment | QtCore.Qt.TextFlag.TextShowMnemonic.value
        color = QtGui.QPalette.ColorRole.ButtonText
        painter.drawItemText(place, alignment, self.palette(), self.isEnabled(), self.text(), color)
        painter.end()  # at once: a thread that looks at stacks may keep this frame alive


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose check mark folds it."""

    collapsedHeight = stored(int, FLAT_HEIGHT, QtWidgets.QWidget.updateGeometry)

    def __init__(self, *arguments: object) -> None:
        title, parent = text_and_parent(arguments)
        super().__init__(parent)
        self._contents = Contents(self)
        self._open_maximum = self.maximumHeight()
        self.setTitle(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._expand)

    collapsed = QtCore.Property(
        bool, lambda self: not self.isChecked(), lambda self, folded: self.setChecked(not folded)
    )

    def _expand(self, expanded: bool) -> None:
        self._contents.fold(not expanded)
        if not expanded:
            self._open_maximum = self.maximumHeight()
            height = self.fontMetrics().height() + self.collapsedHeight
            self.setMaximumHeight(height)
        else:
            self.setMaximumHeight(self._open_maximum)
        self.updateGeometry()

    def event(self, event: QtCore.QEvent) -> bool:
        if event.type() == EVENT.ChildPolished:
            self._contents.adopt(event.child())
        return super().event(event)

    def setVisible(self, visible: bool) -> None:
        self._contents.is_at_work = True
        super().setVisible(visible)
        self._contents.is_at_work = False
