"""ctkDoubleRangeSlider and ctkRangeWidget: two numbers, a lower and an upper one."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from Testing.bed.ctk.numbers import ctkDoubleSlider
from Testing.bed.ctk.stored import parent_of, stored

Property, Signal = QtCore.Property, QtCore.Signal


class RangeOfTwo(QtWidgets.QWidget):
    """Limits, a lower and an upper value in between, and their signals; both classes of CTK have these."""

    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)
    singleStep = stored(float, 1.0)
    tickInterval = stored(float, 0.0)
    tracking = stored(bool, True)
    symmetricMoves = stored(bool, False)

    def __init__(self, *arguments: object) -> None:
        super().__init__(parent_of(arguments))
        self._limits, self._values = (0.0, 99.0), (0.0, 99.0)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Invokable of CTK: the limits; values outside follow."""
        limits = (float(minimum), float(max(minimum, maximum)))
        if limits != self._limits:
            self._limits = limits
            self._show_limits()
            self.rangeChanged.emit(*limits)
            self.setValues(*self._values)

    def setValues(self, lower: float, upper: float) -> None:
        """Slot of CTK: both values, cut to the limits, the smaller one first."""
        low, high = self._limits
        lower, upper = sorted(min(max(float(value), low), high) for value in (lower, upper))
        before, self._values = self._values, (lower, upper)
        if before == self._values:
            return
        self._show_values()
        if before[0] != lower:
            self.minimumValueChanged.emit(lower)
        if before[1] != upper:
            self.maximumValueChanged.emit(upper)
        self.valuesChanged.emit(lower, upper)

    def setMinimumValue(self, value: float) -> None:
        """Slot of CTK."""
        self.setValues(value, max(value, self._values[1]))

    def setMaximumValue(self, value: float) -> None:
        """Slot of CTK."""
        self.setValues(min(value, self._values[0]), value)

    minimum = Property(
        float, lambda self: self._limits[0], lambda self, low: self.setRange(low, max(low, self._limits[1]))
    )
    maximum = Property(
        float,
        lambda self: self._limits[1],
        lambda self, high: self.setRange(min(self._limits[0], high), high),
    )
    minimumValue = Property(float, lambda self: self._values[0], setMinimumValue)
    maximumValue = Property(float, lambda self: self._values[1], setMaximumValue)

    def _show_limits(self) -> None:
        """For subclasses: show new limits."""

    def _show_values(self) -> None:
        """For subclasses: show new values."""


class ctkDoubleRangeSlider(RangeOfTwo):
    """Two handles; here two sliders below each other."""

    positionsChanged = Signal(float, float)
    minimumPositionChanged = Signal(float)
    maximumPositionChanged = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    tickPosition = stored(int, 0)
    orientation = stored(int, int(QtCore.Qt.Orientation.Horizontal.value))

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._sliders = (ctkDoubleSlider(), ctkDoubleSlider())
        for slider, change in zip(self._sliders, (self.setMinimumValue, self.setMaximumValue), strict=True):
            layout.addWidget(slider)
            slider.valueChanged.connect(change)
            slider.sliderPressed.connect(self.sliderPressed)
            slider.sliderReleased.connect(self.sliderReleased)
        self._show_values()

    def _show_limits(self) -> None:
        for slider in self._sliders:
            slider.blockSignals(True)
            slider.minimum, slider.maximum = self._limits
            slider.blockSignals(False)
        self._show_values()

    def _show_values(self) -> None:
        for slider, value in zip(self._sliders, self._values, strict=True):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)


class ctkRangeWidget(RangeOfTwo):
    """A range slider between two boxes for its values."""

    minimumValueIsChanging = Signal(float)
    maximumValueIsChanging = Signal(float)
    spinBoxAlignment = stored(int, 0)
    spinBoxTextAlignment = stored(int, 0)
    autoSpinBoxWidth = stored(bool, True)
    customSpinBoxesLimitsMin = Property(float, lambda self: self._limits[0])
    customSpinBoxesLimitsMax = Property(float, lambda self: self._limits[1])

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self._boxes = (QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox())
        self._slider = ctkDoubleRangeSlider()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._boxes[0])
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._boxes[1])
        self._show_limits()
        self._slider.valuesChanged.connect(self.setValues)
        self._boxes[0].valueChanged.connect(self.setMinimumValue)
        self._boxes[1].valueChanged.connect(self.setMaximumValue)

    def reset(self) -> None:
        """Slot of CTK."""
        self.setValues(*self._limits)

    def setDecimals(self, decimals: int) -> None:
        """Slot of CTK."""
        for box in self._boxes:
            box.setDecimals(decimals)

    def _each_box(self, setter: str, value: str) -> None:
        for box in self._boxes:
            getattr(box, setter)(value)

    decimals = Property(int, lambda self: self._boxes[0].decimals(), setDecimals)
    prefix = Property(
        str, lambda self: self._boxes[0].prefix(), lambda self, text: self._each_box("setPrefix", text)
    )
    suffix = Property(
        str, lambda self: self._boxes[0].suffix(), lambda self, text: self._each_box("setSuffix", text)
    )

    def _show_limits(self) -> None:
        for box in self._boxes:
            box.blockSignals(True)
            box.setRange(*self._limits)
            box.blockSignals(False)
        self._slider.blockSignals(True)
        self._slider.setRange(*self._limits)
        self._slider.blockSignals(False)
        self._show_values()

    def _show_values(self) -> None:
        for shown, values in ((self._boxes[0], self._values[:1]), (self._boxes[1], self._values[1:])):
            shown.blockSignals(True)
            shown.setValue(*values)
            shown.blockSignals(False)
        self._slider.blockSignals(True)
        self._slider.setValues(*self._values)
        self._slider.blockSignals(False)
