"""pytest fixture `bed`: the application, started anew for each test that asks for it.

pytest Testing --slicer-source FOLDER     a checkout of Slicer: its Python files replace the bed's stand-ins;
                                          SLICER_SOURCE names one too
pytest Testing --published-modules PATH   a module's .py file that must load unmodified; may be repeated
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from Testing.bed.bed import Bed

EXIT_STATUS = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slicer-source", type=Path, help="checkout of Slicer (default: SLICER_SOURCE)")
    parser.addoption("--published-modules", type=Path, action="append", default=[], help="modules to load")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process at once where the bed ran: MRML, VTK and Qt crash when the interpreter ends them."""
    if "Testing.bed.bed" in sys.modules and EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[EXIT_STATUS])


@pytest.fixture(scope="session")
def slicer_source(request: pytest.FixtureRequest) -> Path | None:
    """The checkout of Slicer that was named, or None."""
    named = request.config.getoption("--slicer-source") or os.environ.get("SLICER_SOURCE")
    return Path(named).resolve() if named else None


@pytest.fixture
def bed(display: str, qt_app: object, settings_folder: Path, slicer_source: Path | None) -> Iterator[Bed]:
    """A running application on a real screen; it is closed after the test, whatever modules say."""
    pytest.importorskip("slicer", reason="slicer-core is not installed: see Testing/bed/requirements.txt")
    from Testing.bed import startBed
    from Testing.bed.packaging_recorder import recorder

    recorder.reset()
    started = startBed(display, settings_folder, slicer_source)
    yield started
    started.close(ask=False)
