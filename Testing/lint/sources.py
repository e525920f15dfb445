"""The project's own files, parsed, for the lint tests."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARIES = ("CFRTrain", "CFRSegment")
TEXT_SUFFIXES = set(" .py .md .txt .toml .json .yaml .yml .cmake .ui .cfg .html .css .sh".split(" "))


@dataclass(frozen=True)
class Source:
    """One Python file: its name relative to the repository, its text, its syntax tree."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of the file."""
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        """Dotted name: CFRTrain.runs.job, and CFRTrain.runs for its __init__."""
        return ".".join(Path(self.name).with_suffix("").parts).removesuffix(".__init__")


@cache
def python_sources(*folders: str) -> tuple[Source, ...]:
    """All Python files under `folders` of the repository; a folder that does not exist has none."""
    paths = sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))
    return tuple(Source(path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8")) for path in paths)


@cache
def text_files() -> tuple[Path, ...]:
    """Every text file that git tracks or would track; all files where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
        names = [name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.rglob("*")]
    hidden = (".venv/", ".git/", ".hypothesis/", ".pytest_cache/", ".ruff_cache/")
    paths = [REPOSITORY / name for name in names if not name.startswith(hidden)]
    return tuple(path for path in paths if path.is_file() and path.suffix in TEXT_SUFFIXES)
