"""Text files: nothing of one machine in them, and ruff finds nothing."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from Testing.lint.sources import REPOSITORY, text_files

# A path below a folder that only one machine has; the made-up patient Doe of the privacy tests has none. The
# folder names are put together so that this file passes.
FOLDERS = "|".join(["work", "root", "tmp", "home", "Users"])
OF_ONE_MACHINE = re.compile(rf"(?<![\w.<>/])/(?:{FOLDERS})/(?!doe/)")


def machine_paths(text: str) -> list[str]:
    """Lines that hold a path of one machine."""
    return [line for line in text.splitlines() if OF_ONE_MACHINE.search(line)]


@pytest.mark.parametrize("path", text_files(), ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_path_of_one_machine_is_written_down(path):
    assert machine_paths(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line", ["cd /" + "work/main", "'/" + "home/a'", "see /" + "tmp/x", "=/" + "root/.a"]
)
def test_the_path_check_can_fail(line):
    assert machine_paths(line)


@pytest.mark.parametrize(
    "line", ["a/work/b", "https://a.org/home/b", "network/", "./tmp/a", "rootfs", "/" + "home/doe/a"]
)
def test_the_path_check_lets_other_text_pass(line):
    assert not machine_paths(line)


def test_ruff_finds_nothing():
    pytest.importorskip("ruff", reason="ruff is not installed; it comes with requirements-dev.txt")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
