"""The fixtures: errors fail a test, a missing screen skips it or fails it, a hang ends the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.lint.sources import REPOSITORY

USES_WIDGETS = "import pytest\ndef test_it(qt_app):\n    import qt\n"
USES_A_SCREEN = "def test_it(user):\n    pass\n"


def run(folder: Path, code: str, *arguments: str, programs: bool = True) -> tuple[int, str]:
    """Exit code and output of pytest for one test file; without `programs` it finds no Xvfb."""
    (folder / "test_inner.py").write_text(code, "utf-8")
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    if not programs:
        environment["PATH"] = str(folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "Testing.bed.pytest_plugin", "-rs", *arguments]
    done = subprocess.run(
        [*command, "test_inner.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("qt.QTimer.singleShot(0, lambda: 1 / 0)", "ZeroDivisionError"),
        ("qt.QMessageBox.information(None, 'Saved', 'All is well')", "All is well"),
        ("box = qt.QWidget(); qt.QVBoxLayout(box); qt.QVBoxLayout(box)", "already has a layout"),
    ],
)
def test_what_slicer_would_only_print_fails_the_test(tmp_path, body, message):
    code, output = run(tmp_path, USES_WIDGETS + f"    {body}\n")
    assert code == 1 and message in output and "Errors that Slicer would only print" in output


def test_a_test_without_errors_passes(tmp_path):
    code, output = run(tmp_path, USES_WIDGETS + "    assert qt.QLabel('a').text == 'a'\n")
    assert code == 0, output


def test_without_a_screen_tests_are_skipped_with_the_reason(tmp_path):
    code, output = run(tmp_path, USES_A_SCREEN, programs=False)
    assert code == 0 and "1 skipped" in output and "install xvfb and xdotool" in output


def test_without_a_screen_widgets_can_be_tested_all_the_same(tmp_path):
    code, output = run(tmp_path, USES_WIDGETS + "    assert qt.QLabel('a').text == 'a'\n", programs=False)
    assert code == 0 and "1 passed" in output


def test_require_display_makes_a_missing_screen_an_error(tmp_path):
    code, output = run(tmp_path, USES_A_SCREEN, "--require-display", programs=False)
    assert code == 1 and "--require-display was given" in output


def test_a_test_that_hangs_ends_the_run_with_its_stack(tmp_path):
    hanging = "import pytest, time\n@pytest.mark.hang_limit(2)\ndef test_it(qt_app):\n    time.sleep(100)\n"
    code, output = run(tmp_path, hanging)
    assert code != 0 and "Timeout" in output and "test_inner.py" in output


def test_home_and_settings_are_those_of_the_test(qt_app, tmp_path, settings_folder):
    import qt

    assert Path.home() == tmp_path / "home" and settings_folder == tmp_path / "settings"
    settings = qt.QSettings()
    settings.setValue("a", 1)
    settings.sync()
    assert Path(settings.fileName()).is_relative_to(tmp_path)
