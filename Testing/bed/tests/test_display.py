"""The screen, pictures of it, and waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from Testing.bed.display import DisplayError, VirtualDisplay, missing_programs
from Testing.bed.screenshots import EmptyPictureError, grab, screenshot
from Testing.bed.user_input import NotReachableError
from Testing.bed.waiting import WaitError, process_events, wait_until
from Testing.lint.sources import REPOSITORY


@pytest.fixture
def window(display, qt_app):
    """A red window of 200 x 100 pixels."""
    import qt

    shown = qt.QWidget()
    shown.styleSheet = "background: rgb(200, 0, 0)"
    shown.resize(200, 100)
    shown.show()
    process_events(0.1)
    yield shown
    shown.delete()


@pytest.mark.skipif(bool(missing_programs()), reason="Xvfb and xdotool are needed")
def test_a_display_has_a_free_number_and_ends():
    with VirtualDisplay() as first, VirtualDisplay() as second:
        assert first.name != second.name and first.name.startswith(":")
        pid = first.pid
        os.kill(pid, 0)
    assert first.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(bool(missing_programs()), reason="Xvfb and xdotool are needed")
def test_a_run_that_is_killed_leaves_no_display_behind(tmp_path):
    code = """
import sys, time
from Testing.bed.display import VirtualDisplay
from Testing.bed.qt_application import qt_application
display = VirtualDisplay()
application = qt_application(display.start())
sys.stdout.write(f"{display.pid}\\n")
sys.stdout.flush()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Path(f"/proc/{pid}/exe").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}/exe").exists()


def test_without_xvfb_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DisplayError, match="Xvfb is not installed"):
        VirtualDisplay().start()


def test_a_screenshot_shows_what_is_on_the_screen(window, tmp_path):
    import qt

    layout = qt.QVBoxLayout(window)
    layout.addWidget(qt.QLabel("text"))
    path = screenshot(tmp_path / "pictures" / "window.png", window)
    picture = grab(window)
    assert path.stat().st_size > 100 and (picture.width(), picture.height()) == (200, 100)
    assert picture.pixelColor(3, 3).getRgb()[:3] == (200, 0, 0)
    assert screenshot(tmp_path / "screen.png").stat().st_size > path.stat().st_size


def test_a_screenshot_with_nothing_on_it_is_an_error(window, tmp_path):
    with pytest.raises(EmptyPictureError):
        screenshot(tmp_path / "window.png", window)


def test_waiting_returns_what_it_waited_for(qt_app):
    import qt

    found = []
    qt.QTimer.singleShot(100, lambda: found.append("value"))
    assert wait_until(lambda: found and found[0], "the value") == "value"


def test_waiting_in_vain_says_for_what(qt_app):
    before = time.monotonic()
    with pytest.raises(WaitError, match="Waited 0.2 s in vain for the moon"):
        wait_until(lambda: 0, "the moon", seconds=0.2)
    assert time.monotonic() - before < 5


def test_an_error_of_the_condition_comes_out(qt_app):
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0, "a division")


def test_processing_events_ends_although_a_timer_never_rests(qt_app):
    import qt

    timer = qt.QTimer()
    timer.start(0)
    process_events()
    timer.stop()


class TestWhatAUserCannotDo:
    def test_a_hidden_widget_is_not_clicked(self, user, window):
        import qt

        hidden = qt.QPushButton("hidden", window)
        hidden.hide()
        with pytest.raises(NotReachableError, match="not visible"):
            user.click(hidden)

    def test_a_disabled_widget_is_not_clicked(self, user, window):
        import qt

        button = qt.QPushButton("disabled", window)
        button.enabled = False
        button.show()
        with pytest.raises(NotReachableError, match="disabled"):
            user.click(button)

    def test_a_covered_widget_is_not_clicked(self, user, window):
        import qt

        below, above = qt.QPushButton("below", window), qt.QLabel("above", window)
        above.name = "cover"
        for widget in (below, above):
            widget.setGeometry(0, 0, 80, 40)
            widget.show()
        with pytest.raises(NotReachableError, match="cover"):
            user.click(below)

    def test_a_widget_that_is_scrolled_away_is_scrolled_to(self, user, window):
        import qt

        area, inside, pressed = qt.QScrollArea(window), qt.QWidget(), []
        inside.resize(150, 2000)
        button = qt.QPushButton("far down", inside)
        button.move(10, 1900)
        button.connect("clicked()", lambda: pressed.append(1))
        area.setWidget(inside)
        area.setGeometry(0, 0, 200, 100)
        area.show()
        user.click(button)
        assert pressed == [1]
