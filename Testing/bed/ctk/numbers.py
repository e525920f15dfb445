"""ctkDoubleSpinBox, ctkDoubleSlider, ctkSliderWidget: numbers with a fraction, typed or slid."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.stored import parent_of, stored

Property, Signal = QtCore.Property, QtCore.Signal
STEPS = 100_000  # the slider of Qt counts in ints: so many for the whole range


def of_child(kind: Any, child: str, name: str) -> Property:
    """A property that is that of an inner widget: `name` of `self.<child>`."""
    setter = "set" + name[0].upper() + name[1:]
    return Property(
        kind,
        lambda self: getattr(getattr(self, child), name)(),
        lambda self, value: getattr(getattr(self, child), setter)(value),
    )


def _row(widget: QtWidgets.QWidget, *children: QtWidgets.QWidget) -> None:
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for child in children:
        layout.addWidget(child)


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A box for a number. In CTK it is a QWidget, so `text` and `setRange` are not to be had."""

    SetAlways, SetIfDifferent = 0, 1
    FixedDecimals, DecimalsByShortcuts, DecimalsByKey, DecimalsByValue = 0x000, 0x001, 0x002, 0x004
    InsertDecimals, ReplaceDecimals, DecimalsAsMax, DecimalsAsMin = 0x008, 0x010, 0x020, 0x040
    DecimalPointAlwaysVisible = 0x080
    SizeHintByMinMax, SizeHintByValue = 0, 1

    valueChanged = Signal((float,), (str,))
    editingFinished = Signal()
    decimalsChanged = Signal(int)
    decimalsOption = stored(int, 0)
    setMode = stored(int, 0)
    invertedControls = stored(bool, False)
    sizeHintPolicy = stored(int, 0)

    def __init__(self, *arguments: object) -> None:
        super().__init__(parent_of(arguments))
        self._box = QtWidgets.QDoubleSpinBox()
        _row(self, self._box)
        self._box.valueChanged.connect(self._on_value)
        self._box.editingFinished.connect(self.editingFinished)
        self.setFocusProxy(self._box)

    def _on_value(self, value: float) -> None:
        self.valueChanged[float].emit(value)
        self.valueChanged[str].emit(self._box.text())

    def setValue(self, value: float) -> None:
        """Slot of CTK."""
        self._box.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        """Slot of CTK."""
        self._box.setDecimals(decimals)
        self.decimalsChanged.emit(decimals)

    def setReadOnly(self, read_only: bool) -> None:
        """Slot of CTK."""
        self._box.setReadOnly(read_only)

    def stepUp(self) -> None:
        """Slot of CTK."""
        self._box.stepUp()

    def stepDown(self) -> None:
        """Slot of CTK."""
        self._box.stepDown()

    value = Property(float, lambda self: self._box.value(), setValue, user=True)
    decimals = Property(int, lambda self: self._box.decimals(), setDecimals, notify=decimalsChanged)
    readOnly = Property(bool, lambda self: self._box.isReadOnly(), setReadOnly)
    minimum = of_child(float, "_box", "minimum")
    maximum = of_child(float, "_box", "maximum")
    singleStep = of_child(float, "_box", "singleStep")
    prefix = of_child(str, "_box", "prefix")
    suffix = of_child(str, "_box", "suffix")
    cleanText = Property(str, lambda self: self._box.cleanText())


class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider for numbers with a fraction."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)
    singleStep = stored(float, 1.0)
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tickPosition = stored(int, 0)
    handleToolTip = stored(str, "")

    def __init__(self, *arguments: object) -> None:
        super().__init__(parent_of(arguments))
        self._minimum, self._maximum, self._value = 0.0, 99.0, 0.0
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        _row(self, self._slider)
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderMoved.connect(lambda position: self.sliderMoved.emit(self._number(position)))
        self._slider.sliderPressed.connect(self.sliderPressed)
        self._slider.sliderReleased.connect(self.sliderReleased)
        orientations = [item for item in arguments if isinstance(item, QtCore.Qt.Orientation | int)]
        if orientations:
            self.setOrientation(orientations[0])

    def _number(self, position: int) -> float:
        return self._minimum + position / STEPS * (self._maximum - self._minimum)

    def _position(self, number: float) -> int:
        width = self._maximum - self._minimum
        return round((number - self._minimum) / width * STEPS) if width else 0

    def _on_slider(self, position: int) -> None:
        if self._position(self._value) != position:
            self._value = self._number(position)
            self.valueChanged.emit(self._value)

    def setValue(self, value: float) -> None:
        """Slot of CTK."""
        value = min(max(value, self._minimum), self._maximum)
        if value != self._value:
            self._value = value
            self._slider.setValue(self._position(value))
            self.valueChanged.emit(value)

    def setOrientation(self, orientation: QtCore.Qt.Orientation) -> None:
        """Slot of CTK."""
        self._slider.setOrientation(QtCore.Qt.Orientation(orientation))

    def _set_range(self, minimum: float, maximum: float) -> None:
        if (minimum, maximum) != (self._minimum, self._maximum):
            self._minimum, self._maximum = minimum, max(minimum, maximum)
            value = min(max(self._value, self._minimum), self._maximum)
            self.rangeChanged.emit(self._minimum, self._maximum)
            self._slider.blockSignals(True)
            self._slider.setValue(self._position(value))
            self._slider.blockSignals(False)
            self.setValue(value)

    value = Property(float, lambda self: self._value, setValue, notify=valueChanged, user=True)
    sliderPosition = Property(float, lambda self: self._number(self._slider.sliderPosition()), setValue)
    minimum = Property(
        float, lambda self: self._minimum, lambda self, low: self._set_range(low, self._maximum)
    )
    maximum = Property(
        float, lambda self: self._maximum, lambda self, high: self._set_range(min(self._minimum, high), high)
    )
    tracking = Property(
        bool, lambda self: self._slider.hasTracking(), lambda self, on: self._slider.setTracking(on)
    )
    orientation = Property(int, lambda self: int(self._slider.orientation().value), setOrientation)
    invertedAppearance = of_child(bool, "_slider", "invertedAppearance")
    invertedControls = of_child(bool, "_slider", "invertedControls")


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a box for the same number."""

    NoSynchronize, SynchronizeWidth, SynchronizeDecimals = 0x000, 0x001, 0x002

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    synchronizeSiblings = stored(int, NoSynchronize)
    spinBoxAlignment = stored(int, 0)
    popupSlider = stored(bool, False)
    tracking = stored(bool, True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = ctkDoubleSlider(), QtWidgets.QDoubleSpinBox()
        self._box.setRange(0.0, 99.0)
        self._before: float | None = None  # the value when a person began to slide, without tracking
        _row(self, self._slider, self._box)
        self._slider.valueChanged.connect(self._box.setValue)
        self._box.valueChanged.connect(self._on_value)
        self._slider.sliderPressed.connect(self._begin)
        self._slider.sliderReleased.connect(self._end)
        self.setFocusProxy(self._box)

    def _on_value(self, value: float) -> None:
        self._slider.setValue(value)
        if not self.tracking:
            self.valueIsChanging.emit(value)
        if self._before is None:
            self.valueChanged.emit(value)

    def _begin(self) -> None:
        self._before = None if self.tracking else self._box.value()

    def _end(self) -> None:
        before, self._before = self._before, None
        if before is not None and before != self._box.value():
            self.valueChanged.emit(self._box.value())

    def setValue(self, value: float) -> None:
        """Slot of CTK."""
        self._box.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        """Slot of CTK."""
        self._box.setDecimals(decimals)
        self.decimalsChanged.emit(decimals)

    def setSpinBoxVisible(self, visible: bool) -> None:
        """Slot of CTK."""
        self._box.setVisible(visible)

    def reset(self) -> None:
        """Slot of CTK."""
        self.setValue(0.0)

    def _set_minimum(self, minimum: float) -> None:
        self._box.setMinimum(minimum)
        self._slider.minimum = self._box.minimum()

    def _set_maximum(self, maximum: float) -> None:
        self._box.setMaximum(maximum)
        self._slider.maximum = self._box.maximum()

    def _set_step(self, step: float) -> None:
        self._box.setSingleStep(step)
        self._slider.singleStep = step

    value = Property(float, lambda self: self._box.value(), setValue)
    decimals = Property(int, lambda self: self._box.decimals(), setDecimals, notify=decimalsChanged)
    minimum = Property(float, lambda self: self._box.minimum(), _set_minimum)
    maximum = Property(float, lambda self: self._box.maximum(), _set_maximum)
    singleStep = Property(float, lambda self: self._box.singleStep(), _set_step)
    spinBoxVisible = Property(bool, lambda self: not self._box.isHidden(), setSpinBoxVisible)
    prefix = of_child(str, "_box", "prefix")
    suffix = of_child(str, "_box", "suffix")
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tickPosition = stored(int, 0)
    invertedAppearance = stored(bool, False)
    invertedControls = stored(bool, False)
