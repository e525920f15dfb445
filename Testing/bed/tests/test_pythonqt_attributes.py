"""What an attribute of a Qt object is in Slicer: forms that are accepted, forms that raise, by trap."""

from __future__ import annotations

import pytest


@pytest.fixture
def qt(qt_app):
    import qt

    return qt


class TestProperties:
    def test_1_a_property_is_the_value_and_calling_it_fails_as_in_slicer(self, qt):
        line, combo, widget = qt.QLineEdit("abc"), qt.QComboBox(), qt.QWidget()
        assert (line.text, combo.count, widget.enabled) == ("abc", 0, True)
        for getter in (lambda: line.text(), lambda: combo.count(), lambda: widget.width()):
            with pytest.raises(TypeError, match="object is not callable"):
                getter()

    def test_1_getters_with_other_names_stay_functions(self, qt):
        box = qt.QCheckBox()
        assert box.isChecked() is False and box.checked is False and box.isEnabled() is True
        box.setChecked(True)
        assert box.checked is True

    def test_properties_are_set_by_assignment_and_by_setter(self, qt):
        label = qt.QLabel()
        label.text = "one"
        label.setText(label.text + " two")
        assert label.text == "one two"

    def test_2_a_misspelt_property_cannot_be_assigned(self, qt):
        with pytest.raises(AttributeError, match="creating new attributes on C.. objects is not allowed"):
            qt.QPushButton().enabeld = 1

    def test_2_a_misspelt_name_cannot_be_read(self, qt):
        with pytest.raises(AttributeError, match="no attribute named 'txet'"):
            _ = qt.QPushButton().txet

    @pytest.mark.parametrize("name", ["setText", "click", "clicked", "connect"])
    def test_3_functions_and_signals_cannot_be_overwritten(self, qt, name):
        with pytest.raises(AttributeError):
            setattr(qt.QPushButton(), name, 1)

    def test_4_items_sizes_and_pixmaps_have_functions_not_properties(self, qt):
        item = qt.QTableWidgetItem("cell")
        assert item.text() == "cell" and qt.QSize(3, 4).width() == 3 and qt.QPixmap(2, 2).height() == 2
        with pytest.raises(AttributeError):
            item.text = "other"

    def test_19_a_number_property_rejects_a_text(self, qt):
        with pytest.raises(AttributeError, match="does not accept an object of type str"):
            qt.QSpinBox().value = "many"

    def test_18_numbers_become_texts_and_fractions_are_cut(self, qt):
        label, box = qt.QLabel(), qt.QSpinBox()
        label.text, box.value = 5, 7.9
        assert label.text == "5" and box.value == 7

    def test_18_whatever_is_true_or_false_switches(self, qt):
        button = qt.QPushButton()
        for value in (None, [], 0):
            button.enabled = value
            assert button.enabled is False
            button.setEnabled([value, 1])
            assert button.enabled is True

    def test_18_numbers_of_numpy_fit_as_in_slicer(self, qt):
        numpy = pytest.importorskip("numpy")
        box, fraction = qt.QSpinBox(), qt.QDoubleSpinBox()
        box.value, fraction.value = numpy.int64(3), numpy.float32(1.5)
        box.setMaximum(numpy.int64(50))
        assert (box.value, box.maximum, fraction.value) == (3, 50, 1.5)
        with pytest.raises(AttributeError, match="does not accept"):
            box.value = numpy.float64(3.5)

    def test_18_none_is_no_text(self, qt):
        with pytest.raises(TypeError, match="None assigned to the string property"):
            qt.QLabel().text = None
        for call in (qt.QLabel().setText, qt.QWidget().setToolTip, qt.QTableWidgetItem().setText):
            with pytest.raises(TypeError, match="None given for a string"):
                call(None)

    def test_18_a_none_that_means_no_parent_is_welcome(self, qt):
        assert qt.QWidget(None).parent() is None
        layout = qt.QVBoxLayout(None)
        layout.setAlignment(qt.QWidget(), qt.Qt.AlignLeft)

    def test_read_only_properties_say_so(self, qt):
        with pytest.raises(AttributeError, match="not writable"):
            qt.QComboBox().count = 3

    def test_name_is_the_object_name(self, qt):
        widget = qt.QWidget()
        widget.name = "first"
        assert widget.objectName == "first" and widget.name == "first"

    def test_enum_properties_take_ints(self, qt):
        label = qt.QLabel("a")
        label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
        assert label.alignment == 0x22
        label.alignment = 0x84
        assert label.alignment == int(qt.Qt.AlignCenter)


class TestDynamicPropertiesAndChildren:
    def test_26_dynamic_properties_are_attributes(self, qt):
        line = qt.QLineEdit()
        line.setProperty("SlicerParameterName", "threshold")
        assert line.SlicerParameterName == "threshold"
        assert line.property("SlicerParameterName") == "threshold"
        line.SlicerParameterName = "other"
        assert line.property("SlicerParameterName") == "other"

    def test_children_are_attributes_by_their_name(self, qt):
        parent = qt.QWidget()
        child = qt.QPushButton("x", parent)
        child.name = "applyButton"
        assert parent.applyButton is child

    def test_27_find_child_needs_the_type_first(self, qt):
        parent = qt.QWidget()
        child = qt.QPushButton("x", parent)
        child.name = "apply"
        assert parent.findChild(qt.QPushButton, "apply") is child
        assert parent.findChild("QPushButton", "apply") is child
        assert parent.findChild(qt.QLabel, "apply") is None
        assert parent.findChildren(qt.QPushButton) == (child,)
        inner = qt.QWidget(parent)
        deep, direct = qt.QLabel(inner), qt.QLabel(parent)
        assert parent.findChildren(qt.QLabel) == (direct, deep) and parent.findChild("QLabel") is direct
        with pytest.raises(TypeError, match="type first"):
            parent.findChild("apply")


class TestIdentity:
    def test_31_the_same_object_is_the_same_wrapper_and_takes_no_attributes(self, qt):
        parent = qt.QWidget()
        layout = qt.QVBoxLayout(parent)
        assert parent.layout() is layout and parent.layout() == layout
        with pytest.raises(AttributeError):
            layout.myState = 1

    def test_23_a_deleted_object_raises(self, qt):
        parent = qt.QWidget()
        child = qt.QLabel("x", parent)
        parent.delete()
        for use in (lambda: child.text, lambda: child.setText("y")):
            with pytest.raises(ValueError, match="destroyed"):
                use()
        with pytest.raises(AttributeError, match="destroyed"):
            child.text = "y"
        assert not child and child == None  # noqa: E711  PythonQt says so of a deleted object

    def test_21_a_child_lives_as_long_as_its_parent(self, qt):
        import gc

        parent = qt.QWidget()
        layout = qt.QVBoxLayout(parent)
        layout.addWidget(qt.QLabel("kept"))
        gc.collect()
        assert [item.text for item in parent.findChildren(qt.QLabel)] == ["kept"]

    def test_isinstance_follows_the_classes_of_qt(self, qt):
        button = qt.QPushButton()
        assert isinstance(button, qt.QAbstractButton) and isinstance(button, qt.QWidget)
        assert not isinstance(button, qt.QLabel)
        assert button.className() == "QPushButton" and button.inherits("QWidget")

    def test_values_compare_by_value_and_objects_by_identity(self, qt):
        assert qt.QSize(1, 2) == qt.QSize(1, 2) and qt.QColor("red") != qt.QColor("blue")
        assert qt.QPoint(1, 2) + qt.QPoint(3, 4) == qt.QPoint(4, 6)
        assert qt.QWidget() != qt.QWidget()


class TestStandInAttributes:
    def test_what_pyside_adds_is_not_there(self, qt, tmp_path):
        widget = qt.QWidget()
        for name in ("staticMetaObject_", "_raw_", "__dict_"):
            assert not hasattr(widget, name)
        with pytest.raises(AttributeError):
            _ = qt.QSize(1, 2).toTuple

    def test_setters_of_ctk_that_are_no_slots_do_not_exist(self, qt):
        import ctk

        section = ctk.ctkCollapsibleButton()
        with pytest.raises(AttributeError):
            section.setCollapsed(True)
        with pytest.raises(AttributeError, match="creating new attributes"):
            section.colapsed = True
        section.collapsed = True
        assert section.collapsed and not section.checked

    def test_insides_of_stand_ins_are_not_seen(self, qt):
        import ctk

        slider = ctk.ctkSliderWidget()
        for name in ("_slider", "slider", "spinBox", "setRange"):
            assert not hasattr(slider, name)

    def test_a_ctk_class_without_stand_in_is_an_error(self, qt):
        import ctk

        with pytest.raises(AttributeError, match="ctkFancyWidget"):
            _ = ctk.ctkFancyWidget
