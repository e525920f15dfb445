"""Errors: text, exit codes, and what may be imported for them."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from CFRTrain.runs import errors
from CFRTrain.runs.errors import EXIT_CODES, CFRError, DataError, StopRequested, missing_package

REPOSITORY = Path(__file__).resolve().parents[2]
STANDARD_LIBRARY_ONLY = ("errors", "job", "events", "run_folder")
FOREIGN = ("torch", "numpy", "SimpleITK", "safetensors", "monai", "scipy", "pydantic", "tqdm")

ERROR_CLASSES = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CFRError)
]


def test_an_error_reads_as_case_then_what_happened_then_what_to_do():
    error = DataError("one_slice", "The volume has one slice.", "Leave it out.", case="case_0007")
    assert str(error) == "[case_0007] The volume has one slice. Leave it out."
    assert (error.code, error.text, error.remedy, error.case) == (
        "one_slice",
        "The volume has one slice.",
        "Leave it out.",
        "case_0007",
    )
    assert str(CFRError("a", "It broke.", "Mend it.")) == "It broke. Mend it."


@pytest.mark.parametrize("kind", ERROR_CLASSES)
def test_every_error_has_a_documented_exit_code(kind):
    assert kind.exit_code in EXIT_CODES and kind.exit_code != 0
    assert kind.__doc__


def test_exit_codes_are_those_that_other_programs_rely_on():
    codes = {kind.__name__: kind.exit_code for kind in ERROR_CLASSES}
    assert codes == {
        "CFRError": 1,
        "JobError": 2,
        "LockedError": 2,
        "DataError": 3,
        "ModelError": 3,
        "MemoryLimitError": 4,
        "DiskFullError": 5,
        "DependencyError": 6,
        "StopRequested": 130,
    }


def test_a_stop_needs_no_words():
    stop = StopRequested()
    assert stop.code == "stopped" and stop.text and stop.remedy


@pytest.mark.parametrize("error", [DataError("a", "b", "c", case="d"), StopRequested("e")])
def test_an_error_survives_the_way_between_processes(error):
    twin = copy.copy(error)  # made as multiprocessing makes it
    assert type(twin) is type(error) and str(twin) == str(error) and vars(twin) == vars(error)


@pytest.mark.parametrize("module", STANDARD_LIBRARY_ONLY)
def test_the_viewer_can_import_it_with_the_standard_library_alone(module):
    program = (
        f"import sys, CFRTrain.runs.{module}\n"
        f"loaded = [name for name in {FOREIGN!r} if name in sys.modules]\n"
        "sys.exit(', '.join(loaded) or 0)"
    )
    command = [sys.executable, "-S", "-c", program]  # -S: nothing that was installed can be found
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_package_is_to_be_installed_and_a_mistake_of_our_own_is_not():
    missing = missing_package(ModuleNotFoundError("No module named 'monai'", name="monai"))
    assert missing.exit_code == 6 and "monai" in missing.text
    with pytest.raises(ImportError):
        missing_package(ImportError("cannot import name 'a'", name="CFRTrain.models"))
