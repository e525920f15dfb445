"""The installer with the real pip, from a folder of small wheels: no network, and no Python is changed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from CFRSegmentLib.setup import Installer, Outcome
from Testing.module.setup_fakes import FakeEnvironment


def wheel(folder: Path, name: str, version: str, needs: str = "") -> None:
    """A wheel with nothing in it but its metadata."""
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


class RealPip(FakeEnvironment):
    """pip itself, into a folder of its own."""

    def isSatisfied(self, requirement):
        name = requirement.split(">")[0]
        return any(self.sitePackages.glob(f"{name}-*.dist-info"))

    def pipInstall(self, arguments, constraints, onLine, onEnd):
        command = [sys.executable, "-m", "pip", "install", "--target", str(self.sitePackages), *arguments]
        command += ["-c", str(constraints)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        for line in done.stdout.splitlines():
            onLine(line)
        onEnd(done.returncode)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "site").mkdir()
    return RealPip(tmp_path / "site")


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels é"
    folder.mkdir()
    for name, version in (("torch", "2.10"), ("monai", "1.6.0"), ("safetensors", "0.5"), ("scipy", "1.15")):
        wheel(folder, name, version)
    return folder


@pytest.fixture
def run(home, wheels):
    """Installs from the folder and gives the one result."""

    def install():
        results = []
        Installer(home).install(lambda _plan: True, offlineFolder=wheels, finished=results.append)
        assert len(results) == 1
        return results[0]

    return install


@pytest.fixture(autouse=True)
def only_numpy_here(monkeypatch):
    """Slicer's Python with its numpy, without torch and scipy."""
    real = metadata.version

    def version(name):
        if name in ("torch", "torchvision", "scipy"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)


def test_a_folder_with_all_packages_is_enough(run, home):
    result = run()
    assert result.outcome is Outcome.INSTALLED, result
    assert Installer(home).missing() == () and not home.settings


def test_a_package_that_would_replace_numpy_is_refused_and_nothing_is_installed(run, home, wheels):
    wheel(wheels, "numpy", "99.0")
    (wheels / "monai-1.6.0-py3-none-any.whl").unlink()
    wheel(wheels, "monai", "1.6.0", "numpy>=99")
    result = run()
    assert result.outcome is Outcome.FAILED and "package that Slicer brings" in result.text
    assert result.lastLines and any("numpy" in line for line in result.lastLines)
    assert list(home.sitePackages.iterdir()) == []


def test_a_package_that_the_folder_lacks_is_named_and_nothing_is_installed(run, home, wheels):
    (wheels / "safetensors-0.5-py3-none-any.whl").unlink()
    result = run()
    assert result.outcome is Outcome.FAILED and "package safetensors" in result.text
    assert list(home.sitePackages.iterdir()) == []


def test_a_package_that_is_too_old_is_named(run, wheels):
    (wheels / "monai-1.6.0-py3-none-any.whl").rename(wheels / "monai-1.5.0-py3-none-any.whl")
    assert "package monai" in run().text


def test_a_damaged_package_changes_nothing(run, home, wheels):
    (wheels / "scipy-1.15-py3-none-any.whl").write_bytes(b"no wheel")
    result = run()
    assert result.outcome is Outcome.FAILED and result.text and list(home.sitePackages.iterdir()) == []
