"""Shared fixtures: the real volumes, a run folder. Nothing here imports PyTorch: windows are tested without.

pytest Testing --data FOLDER       the folder with `hippocampus` and `left_atrium`
pytest Testing --require-data      missing volumes are errors, not skips
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["Testing.bed.pytest_plugin", "Testing.bed.bed_plugin"]  # windows, clicks; the application
REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", type=Path, help="folder of the real volumes (default: ../shared/data)")
    parser.addoption("--require-data", action="store_true", help="fail where real volumes are missing")


@pytest.fixture(scope="session")
def data_root(request: pytest.FixtureRequest) -> Path:
    """The folder of the real volumes; the test is skipped, with the reason, where there is none."""
    given = request.config.getoption("--data")
    root = (given or REPOSITORY.parent / "shared" / "data").resolve()
    if root.is_dir():
        return root
    return _missing(request, f"The real volumes are not in {given or '../shared/data'}; give --data FOLDER.")


def _missing(request: pytest.FixtureRequest, reason: str) -> Path:
    if request.config.getoption("--require-data"):
        pytest.fail(f"{reason} (--require-data was given)", pytrace=False)
    pytest.skip(reason)


def _volumes(request: pytest.FixtureRequest, root: Path, name: str) -> list[tuple[Path, Path]]:
    """Pairs (image, label) of a data set, sorted by name; only cases that have both."""
    images = sorted((root / name / "images").glob("*.nii.gz"))
    pairs = [(image, root / name / "labels" / image.name) for image in images]
    pairs = [(image, label) for image, label in pairs if label.is_file()]
    if not pairs:
        _missing(request, f"The data set {name} is not there.")
    return pairs


@pytest.fixture(scope="session")
def hippocampus(request: pytest.FixtureRequest, data_root: Path) -> list[tuple[Path, Path]]:
    """Pairs (image, label) of the hippocampus volumes, about 35 x 50 x 35 voxels, labels 0, 1, 2."""
    return _volumes(request, data_root, "hippocampus")


@pytest.fixture(scope="session")
def left_atrium(request: pytest.FixtureRequest, data_root: Path) -> list[tuple[Path, Path]]:
    """Pairs (image, label) of the left atrium volumes, about 190 x 140 x 88 voxels, labels 0, 1."""
    return _volumes(request, data_root, "left_atrium")


@pytest.fixture
def run_folder(tmp_path: Path):
    """An empty run folder."""
    from CFRTrain.runs.run_folder import RunFolder

    return RunFolder(tmp_path / "run")
