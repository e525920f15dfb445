"""The application: a module in the window, its life from setup to cleanup, quitting and starting again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from Testing.bed.errors import slot_errors
from Testing.bed.threads import WrongThreadError
from Testing.bed.waiting import process_events, wait_until

SAMPLE = Path(__file__).parent / "sample" / "BedSample.py"
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def volume(bed):
    """A volume of 24 voxels of 90."""
    import numpy as np
    import slicer.util

    return slicer.util.addVolumeFromArray(np.full((2, 3, 4), 90, np.uint8), name="phantom")


def test_a_scripted_module_is_set_up_entered_and_left(bed):
    widget = bed.loadModule(SAMPLE)
    assert widget.calls == ["setup", "enter"]
    assert widget.parent.isEntered
    bed.selectModule("Volumes")
    assert widget.calls == ["setup", "enter", "exit"]
    bed.selectModule("BedSample")
    assert widget.calls[-1] == "enter"
    bed.close()
    assert widget.calls[-2:] == ["exit", "cleanup"]


def test_the_parameter_node_and_the_widgets_follow_each_other(bed, volume, user):
    widget = bed.loadModule(SAMPLE)
    assert not widget.ui.countButton.enabled
    widget.ui.inputSelector.setCurrentNode(volume)
    assert widget.parameterNode.inputVolume is volume and widget.ui.countButton.enabled
    widget.parameterNode.threshold = 95.0
    assert widget.ui.threshold.value == 95.0 and widget.ui.modeBox.currentText == "Above"
    user.click(widget.ui.countButton)
    assert widget.ui.result.text == "0 voxels"
    widget.ui.modeBox.currentIndex = 1
    user.click(widget.ui.countButton)
    assert widget.ui.result.text == "24 voxels"


def test_closing_the_scene_leaves_a_fresh_parameter_node(bed, volume):
    widget = bed.loadModule(SAMPLE)
    widget.parameterNode.inputVolume = volume
    widget.parameterNode.title = "things"
    bed.resetScene()
    assert widget.parameterNode.inputVolume is None and widget.parameterNode.title == "voxels"
    assert widget.ui.titleEdit.text == "voxels"


def test_a_scene_file_brings_volumes_and_parameters_back(bed, volume, tmp_path):
    import slicer.util

    widget = bed.loadModule(SAMPLE)
    widget.parameterNode.inputVolume = volume
    widget.parameterNode.title = "things"
    assert slicer.util.saveScene(str(tmp_path / "a é b.mrb"), {})
    bed.resetScene()
    slicer.util.loadScene(str(tmp_path / "a é b.mrb"), {})
    assert widget.parameterNode.title == "things"
    assert widget.parameterNode.inputVolume.GetName() == "phantom"
    assert widget.ui.inputSelector.currentNode() is widget.parameterNode.inputVolume


def test_after_a_restart_settings_are_texts_and_the_scene_is_empty(bed, volume):
    import qt
    import slicer

    first = bed.loadModule(SAMPLE)
    qt.QSettings().setValue("BedSample/Flag", True)
    bed.restart()
    assert qt.QSettings().value("BedSample/Flag") == "true"
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode") is None
    second = bed.moduleWidget("BedSample")
    assert type(second) is not type(first) and second.calls == ["setup", "enter"]


def test_a_module_can_refuse_to_let_the_application_quit(bed):
    import qt
    import slicer.util

    class Refuses(qt.QObject):
        def eventFilter(self, watched, event):
            if event.type() == qt.QEvent.Close:
                event.ignore()
                return True
            return False

    guard = Refuses()
    slicer.util.mainWindow().installEventFilter(guard)
    assert not bed.close() and bed.isOpen
    slicer.util.mainWindow().removeEventFilter(guard)
    assert bed.close()


def test_quitting_is_announced(bed):
    import slicer

    heard = []
    slicer.app.connect("aboutToQuit()", lambda: heard.append(slicer.app.applicationName))
    bed.close()
    assert heard == ["Slicer"]


def test_errors_in_a_module_are_kept_for_the_test(bed, tmp_path):
    path = tmp_path / "Broken.py"
    path.write_text(
        "from slicer.ScriptedLoadableModule import *\n"
        "class Broken(ScriptedLoadableModule): pass\n"
        "class BrokenWidget(ScriptedLoadableModuleWidget):\n"
        "    def setup(self):\n        raise ValueError('no panel')\n",
        "utf-8",
    )
    bed.loadModule(path)
    assert any("no panel" in text for text in slot_errors.take())


def test_the_self_test_and_reload_work_as_in_slicer(bed):
    import slicer.util

    widget = bed.loadModule(SAMPLE)
    slicer.selfTests["BedSample"](msec=0)
    slicer.util.reloadScriptedModule("BedSample")
    assert bed.moduleWidget("BedSample") is not widget
    assert "cleanup" in widget.calls


def test_dialogs_of_slicer_util_are_not_shown_in_testing_mode(bed):
    """slicer.util says that confirmations give True then; it compares True with Ok, so they give False."""
    import slicer.util

    assert not slicer.util.confirmOkCancelDisplay("Really?")
    assert not slicer.util.confirmYesNoDisplay("Really?")
    slicer.util.infoDisplay("Told.")
    slicer.util.errorDisplay("Failed.")
    with pytest.raises(ValueError, match="told"), slicer.util.tryWithErrorDisplay("Failed."):
        raise ValueError("told to the log only")


def test_outside_the_testing_mode_dialogs_wait_for_an_answer(bed, dialogs):
    import slicer.util

    bed.app.set_testing(False)
    dialogs.expect("OK", text="Really?")
    assert bed.call(lambda: slicer.util.confirmOkCancelDisplay("Really?"))
    dialogs.expect("No", text="Sure?")
    assert not bed.call(lambda: slicer.util.confirmYesNoDisplay("Sure?"))


def test_the_scene_is_out_of_reach_of_other_threads(bed, volume):
    import threading

    import slicer

    def rename():
        volume.SetName("elsewhere")

    def reach():
        with suppress(WrongThreadError):
            slicer.mrmlScene.GetNumberOfNodes()

    for function in (rename, reach):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()
        process_events()
        assert any("only the main thread may" in text for text in slot_errors.take())


def test_installing_packages_is_recorded_only(bed):
    import slicer.packaging
    import slicer.util

    from Testing.bed.packaging_recorder import recorder

    assert slicer.packaging.pip_check("numpy>=1.0") and not slicer.packaging.pip_check("numpy<1.0")
    slicer.util.pip_install("torch>=2")
    assert recorder.calls[0][:2] == ("pip_install", "torch>=2")
    slicer.packaging.pip_ensure("no-such-package-here")
    assert len(recorder.calls) == 1  # testing mode installs nothing
    recorder.failure = RuntimeError("no network")
    with pytest.raises(RuntimeError, match="no network"):
        slicer.packaging.pip_ensure("no-such-package", prompt_install=False, skip_in_testing=False)


def test_the_command_opens_a_window(display, tmp_path, hippocampus):
    command = [sys.executable, "-m", "Testing.bed", str(SAMPLE), "--display", display]
    command += ["--volume", str(hippocampus[0][0]), "--settings", str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY)

    def window() -> str:
        found = subprocess.run(
            ["xdotool", "search", "--name", "3D Slicer test bed"],
            env={"DISPLAY": display},
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.split("\n")[0]

    try:
        number = wait_until(window, "the window", 60)
        subprocess.run(["xdotool", "windowclose", number], env={"DISPLAY": display}, check=True)
    finally:
        process.kill()
        process.wait()
