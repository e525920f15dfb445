"""The CMake lists hold every file of the extension, and what they install is complete."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = "lib/Slicer-5.12/qt-scripted-modules"
RESOURCE_SUFFIXES = {".png", ".ui", ".txt", ".json", ".svg"}

# What Slicer's macros do with the lists, as far as it matters: missing files and unknown words are errors,
# scripts and resources land in the folder of scripted modules, WITH_SUBDIR adds the folder's own name.
SLICER_CONFIG = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake")
"""
USE_SLICER = """
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "Unknown keywords: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  set(subdir "")
  if(MY_WITH_SUBDIR)
    get_filename_component(subdir ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "given nonexistent file ${file}")
    endif()
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION @MODULES@/${subdir}/${folder})
  endforeach()
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "SCRIPT;TESTNAME_PREFIX" "SLICER_ARGS" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
    message(FATAL_ERROR "no test ${MY_SCRIPT}")
  endif()
endmacro()
"""


def listed(cmake_file: Path) -> list[str]:
    """File names in the `set(...)` lists of a CMake file."""
    names = []
    for content in re.findall(r"set\(\w+_(?:SCRIPTS|RESOURCES)\s([^)]*)\)", cmake_file.read_text("utf-8")):
        names += content.split()
    return names


def on_disk(folder: Path, suffixes: set[str], without: str = "") -> set[str]:
    """Names of the files in a folder, relative to it."""
    found = (path for path in folder.rglob("*") if path.suffix in suffixes)
    names = (path.relative_to(folder).as_posix() for path in found)
    return {name for name in names if name != "CMakeLists.txt" and not (without and name.startswith(without))}


@pytest.mark.parametrize(("folder", "without"), [("CFRSegment", "Testing/"), ("CFRTrain", "")])
def test_every_file_is_listed_and_every_listed_file_is_there(folder, without):
    names = listed(REPOSITORY / folder / "CMakeLists.txt")
    assert len(names) == len(set(names)), "a file is listed twice"
    expected = on_disk(REPOSITORY / folder, {".py", *RESOURCE_SUFFIXES}, without)
    assert set(names) == expected


def test_every_test_that_slicer_runs_is_listed():
    folder = REPOSITORY / "CFRSegment" / "Testing" / "Python"
    text = (folder / "CMakeLists.txt").read_text("utf-8")
    assert {path.name for path in folder.glob("*.py")} == set(re.findall(r"SCRIPT (\S+\.py)\)", text))


def test_the_extension_says_what_the_index_asks_for():
    text = (REPOSITORY / "CMakeLists.txt").read_text("utf-8")
    values = dict(re.findall(r'^set\(EXTENSION_(\w+) "([^"\n]+)"\)$', text, re.MULTILINE))
    assert {"HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"} <= set(values)
    assert values["DEPENDS"] == "PyTorch"
    assert all(url.startswith("https://") for url in (values["HOMEPAGE"], values["ICONURL"]))
    assert "?" not in values["ICONURL"] + values["SCREENSHOTURLS"]
    assert (REPOSITORY / "LICENSE").is_file()
    pictures = f"{values['ICONURL']} {values['SCREENSHOTURLS']}".split()
    assert all((REPOSITORY / url.split("/main/", 1)[1]).is_file() for url in pictures)


@pytest.mark.parametrize("name", ["CFRSegment/Resources/Icons/CFRSegment.png", "Resources/CFRSegment.png"])
def test_the_icons_are_128_pixels_wide_and_high(name):
    header = (REPOSITORY / name).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == (128, 128)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of scripted modules after cmake has configured and installed the extension."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    folder = tmp_path_factory.mktemp("cmake")
    config = folder / "Slicer"
    config.mkdir()
    (config / "SlicerConfig.cmake").write_text(SLICER_CONFIG)
    (config / "UseSlicer.cmake").write_text(USE_SLICER.replace("@MODULES@", MODULES))
    (config / "Nothing.cmake").write_text("")
    source = folder / "source"
    # only what git would track: a build of the extension has nothing else
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("CFRSegment", "CFRTrain"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignore)
    # without compilers: there is nothing to compile
    text = (REPOSITORY / "CMakeLists.txt").read_text("utf-8")
    (source / "CMakeLists.txt").write_text(text.replace("project(CFRSegment)", "project(CFRSegment NONE)"))
    build, target = folder / "build", folder / "installed"
    options = [f"-DSlicer_DIR={config}", "-DBUILD_TESTING=ON", f"-DCMAKE_INSTALL_PREFIX={target}"]
    for command in (["cmake", "-S", source, "-B", build, *options], ["cmake", "--install", build]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return target / MODULES


def test_the_engine_lies_beside_the_module(installed):
    assert (installed / "CFRSegment.py").is_file()
    assert (installed / "CFRTrain" / "__main__.py").is_file()
    assert not (installed / "Testing").exists()


def test_what_is_installed_works_from_its_folder(installed):
    code = (
        "import CFRSegmentLib, CFRSegmentLib.cohort, CFRSegmentLib.engine as engine; "
        "import pathlib; print(pathlib.Path(engine.engineFolder()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == installed


def test_the_installed_engine_runs(installed):
    command = [sys.executable, str(installed / "CFRTrain" / "__main__.py"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=installed.parent)
    assert done.returncode == 0 and "CFRTrain" in done.stdout, done.stderr
