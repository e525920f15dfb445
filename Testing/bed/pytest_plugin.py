"""pytest fixtures for tests in a window: display, application, user, dialogs; errors of slots fail the test.

pytest Testing --require-display      no Xvfb, or no PySide6, is an error instead of a skip

A test asks for `qt_app` (Qt, shown nowhere without a display), `display` (a real screen) or `user` (mouse and
keys on it). Each test gets settings, HOME and XDG folders of its own. `@pytest.mark.hang_limit(seconds)`
changes the time after which a test counts as hanging and ends the run with a traceback.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from Testing.bed.user_input import User
    from Testing.bed.watchdog import DialogWatchdog

HANG_LIMIT_SECONDS = 600
XDG_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Hook of pytest."""
    parser.addoption("--require-display", action="store_true", help="fail where a window cannot be shown")


def pytest_configure(config: pytest.Config) -> None:
    """Hook of pytest."""
    config.addinivalue_line("markers", "hang_limit(seconds): time after which a test in a window hangs")
    # Names that Qt 6 advises against are those that Qt 5 has.
    warning = "ignore:Function. '.*' is marked as deprecated:DeprecationWarning"
    config.addinivalue_line("filterwarnings", warning)


@pytest.fixture(scope="session")
def _virtual_display(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a display of our own; empty where it cannot be had, with the reason in a skip later."""
    from Testing.bed.display import DisplayError, VirtualDisplay, missing_programs

    display = VirtualDisplay()
    try:
        yield "" if missing_programs() else display.start()
    except DisplayError:
        yield ""
    finally:
        # Taken away from a living QApplication, Qt would end the process with status 1; so it ends by itself,
        # when this process, its last client, is gone.
        if "PySide6.QtWidgets" not in sys.modules:
            display.stop()


@pytest.fixture
def display(request: pytest.FixtureRequest, _virtual_display: str) -> str:
    """A real screen, as ':1'; without Xvfb and xdotool the test is skipped, or fails (--require-display)."""
    if not _virtual_display:
        _missing(request, "This test needs a screen: install xvfb and xdotool.")
    return _virtual_display


@dataclass(frozen=True)
class _Bed:
    """What one test in a window has."""

    application: QApplication
    dialogs: DialogWatchdog
    settings: Path


@pytest.fixture
def _bed_of_test(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[_Bed]:
    if importlib.util.find_spec("PySide6") is None:
        _missing(request, "This test needs PySide6: see Testing/bed/requirements.txt.")
    from Testing.bed import ctk
    from Testing.bed.errors import collected_exceptions, slot_errors
    from Testing.bed.qt_application import qt_application
    from Testing.bed.waiting import process_events
    from Testing.bed.watchdog import DialogWatchdog

    _use_own_home(tmp_path / "home", monkeypatch)
    settings = tmp_path / "settings"
    application = qt_application(request.getfixturevalue("_virtual_display"), settings)
    ctk.install()
    slot_errors.clear()
    dialogs = DialogWatchdog()
    with collected_exceptions(), _hang_limit(request):
        dialogs.start()
        yield _Bed(application, dialogs, settings)
        dialogs.stop()
        process_events()
    errors = slot_errors.take()
    if errors:
        pytest.fail("Errors that Slicer would only print:\n\n" + "\n\n".join(errors), pytrace=False)


@pytest.fixture
def qt_app(_bed_of_test: _Bed) -> QApplication:
    """The QApplication, with `qt` and `ctk` importable. After the test no error may be left."""
    return _bed_of_test.application


@pytest.fixture
def dialogs(_bed_of_test: _Bed) -> DialogWatchdog:
    """Announces modal dialogs: `dialogs.expect("Yes", title="Remove")`. All others fail the test."""
    return _bed_of_test.dialogs


@pytest.fixture
def settings_folder(_bed_of_test: _Bed) -> Path:
    """Where QSettings of this test are."""
    return _bed_of_test.settings


@pytest.fixture
def user(display: str, _bed_of_test: _Bed) -> User:
    """Mouse and keys on a real screen."""
    from Testing.bed.user_input import User

    return User()


def _use_own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, caches and documents of the person who runs the tests stay as they are."""
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in XDG_FOLDERS:
        monkeypatch.setenv(name, str(home / name.lower()))


@contextmanager
def _hang_limit(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the whole run, with the stacks of all threads, where a test stands still."""
    marker = request.node.get_closest_marker("hang_limit")
    seconds = marker.args[0] if marker else HANG_LIMIT_SECONDS
    stderr = request.config.stash.get(fault_handler_stderr_fd_key, 2)
    faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _missing(request: pytest.FixtureRequest, reason: str) -> None:
    if request.config.getoption("--require-display"):
        pytest.fail(f"{reason} (--require-display was given)", pytrace=False)
    pytest.skip(reason)
