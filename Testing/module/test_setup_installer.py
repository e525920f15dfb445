"""The installation: one question, clear outcomes, nothing half done, nothing before it is asked for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from CFRSegmentLib.setup import BASE, FAST, SAM, Installer, Outcome
from CFRSegmentLib.setup.requirements import projectName, requirementsOf, versionPart
from Testing.module.setup_fakes import FakeEnvironment

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ["monai>=1.6.0", "safetensors", "scipy"]


@pytest.fixture
def slicer_python(tmp_path):
    return FakeEnvironment(tmp_path)


@pytest.fixture
def installer(slicer_python):
    return Installer(slicer_python)


@pytest.fixture
def results():
    return []


def yes(_plan) -> bool:
    return True


def test_missing_packages_are_listed_torch_first(installer, slicer_python):
    assert installer.missing() == ("torch>=2.10", *OTHERS)
    slicer_python.installed |= {"torch", "scipy"}
    assert installer.missing() == ("monai>=1.6.0", "safetensors")
    assert installer.missing([SAM]) == ("peft", "segment-anything>=1.0")
    assert installer.missing([BASE, FAST])[-1] == "openvino"


def test_one_question_lists_everything_and_no_means_nothing_happens(installer, slicer_python, results):
    asked = []
    installer.install(lambda plan: bool(asked.append(plan)), finished=results.append, groups=(BASE, SAM))
    assert len(asked) == 1 and all(one in asked[0].question for one in installer.missing((BASE, SAM)))
    assert (
        f"numpy {metadata.version('numpy')}" in asked[0].question and "Slicer's Python" in asked[0].question
    )
    assert [one.outcome for one in results] == [Outcome.DECLINED]
    assert slicer_python.calls == [] and not slicer_python.settings and not installer.isInstalling()


def test_torch_comes_through_its_extension_and_the_rest_through_pip(installer, slicer_python, results):
    lines = []
    installer.install(yes, progress=lines.append, finished=results.append)
    assert installer.isInstalling() and "PyTorch" in lines[0] and slicer_python.calls == []
    slicer_python.run_waiting()
    assert slicer_python.calls[0] == ("torch", False, ">=2.10")
    assert [one for one in slicer_python.calls[1][1] if not one.startswith("-")] == OTHERS
    assert results == [] and installer.isInstalling()
    slicer_python.end(0, ["Successfully installed"])
    assert results[0].outcome is Outcome.INSTALLED and not installer.isInstalling()
    assert lines[-1] == "Successfully installed" and not slicer_python.settings


def test_slicers_own_packages_are_frozen(installer, slicer_python):
    slicer_python.installed.add("torch")
    installer.install(yes)
    frozen = dict(line.split("==") for line in slicer_python.constraints.split())
    for name in ("numpy", "SimpleITK", "torch"):
        assert frozen[name] == metadata.version(name)
    assert (
        "--only-binary=:all:" in slicer_python.calls[0][1] and "--no-index" not in slicer_python.calls[0][1]
    )


def test_everything_comes_from_the_folder_when_one_is_chosen(installer, slicer_python, tmp_path, results):
    folder = tmp_path / "é wheels"
    folder.mkdir()
    (folder / "a.whl").write_bytes(b"")
    slicer_python.extension = False
    installer.install(yes, offlineFolder=folder, finished=results.append)
    arguments = slicer_python.calls[0][1]
    position = arguments.index("--find-links")
    assert "--no-index" in arguments and arguments[position + 1] == str(folder) and "torch>=2.10" in arguments
    slicer_python.onEnd(1)
    assert results[0].outcome is Outcome.FAILED


def test_nothing_missing_asks_nothing(installer, slicer_python, results):
    slicer_python.installed |= {"torch", "monai", "safetensors", "scipy"}
    installer.install(pytest.fail, finished=results.append)
    assert [one.outcome for one in results] == [Outcome.NOTHING_MISSING]


def prepare(environment, what):
    if what == "testing":
        environment.testing = True
    elif what == "busy":
        environment.busy = True
    elif what == "extension":
        environment.extension = False
    elif what == "read-only":
        environment.sitePackages = environment.sitePackages / "not there"


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("testing", "testing mode"),
        ("busy", "already"),
        ("extension", "PyTorch"),
        ("read-only", "cannot be written to"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(installer, slicer_python, results, what, text):
    prepare(slicer_python, what)
    plan = installer.plan()
    assert text in plan.problem and plan.remedy
    assert plan.missingExtension == ("PyTorch" if what == "extension" else "")
    installer.install(pytest.fail, finished=results.append)
    assert results[0].outcome is Outcome.FAILED and results[0].text == plan.problem
    assert slicer_python.calls == [] and not slicer_python.settings


def test_a_folder_without_packages_is_refused(installer, tmp_path):
    assert "holds no packages" in installer.plan(offlineFolder=tmp_path).problem


def test_a_full_disk_is_seen_before(installer, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(1, 1, 2_500_000_000))
    assert "2.5 gigabytes free" in installer.plan().problem


def test_a_failed_torch_stops_everything(installer, slicer_python, results):
    slicer_python.torchError = RuntimeError("no wheel for cu999")
    installer.install(yes, finished=results.append)
    slicer_python.run_waiting()
    assert results[0].outcome is Outcome.FAILED and "no wheel for cu999" in results[0].text
    assert "PyTorch Utils" in results[0].remedy and len(slicer_python.calls) == 1
    assert not installer.isInstalling() and not slicer_python.settings


def test_a_torch_that_is_too_old_is_a_failure(installer, slicer_python, results):
    slicer_python.torchArrives = False
    installer.install(yes, finished=results.append)
    slicer_python.run_waiting()
    assert results[0].outcome is Outcome.FAILED and "torch>=2.10" in results[0].text


def test_a_failed_pip_shows_its_last_lines_and_the_cause(installer, slicer_python, results):
    slicer_python.installed.add("torch")
    installer.install(yes, finished=results.append)
    slicer_python.end(1, [f"Collecting {n}" for n in range(50)] + ["ERROR: No space left on device"])
    assert (
        results[0].outcome is Outcome.FAILED and results[0].text == "The disk is full." and results[0].remedy
    )
    assert results[0].lastLines[-1] == "ERROR: No space left on device" and len(results[0].lastLines) == 20


def test_success_without_the_packages_is_no_success(installer, slicer_python, results):
    slicer_python.installed.add("torch")
    installer.install(yes, finished=results.append)
    slicer_python.onEnd(0)
    assert results[0].outcome is Outcome.FAILED and "monai" in results[0].text


def test_a_pip_that_does_not_start_is_a_failure(installer, slicer_python, results):
    slicer_python.installed.add("torch")
    slicer_python.startError = RuntimeError("PythonSlicer executable not found")
    installer.install(yes, finished=results.append)
    assert "PythonSlicer executable not found" in results[0].text and not installer.isInstalling()


def test_the_end_is_told_once(installer, slicer_python, results):
    slicer_python.installed.add("torch")
    installer.install(yes, finished=results.append)
    slicer_python.end(0)
    slicer_python.onEnd(0)
    assert len(results) == 1


def test_only_one_installation_at_a_time(installer, slicer_python, results):
    slicer_python.installed.add("torch")
    installer.install(yes)
    installer.install(pytest.fail, finished=results.append)
    assert (
        results[0].outcome is Outcome.FAILED
        and "already" in results[0].text
        and len(slicer_python.calls) == 1
    )


def test_a_replaced_package_asks_for_a_restart(installer, slicer_python, results, monkeypatch):
    slicer_python.installed.add("torch")
    installer.install(yes, finished=results.append)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "numpy" else real(name))
    slicer_python.end(0)
    assert results[0].outcome is Outcome.RESTART and "numpy" in results[0].text
    assert Installer(slicer_python).pendingAfterRestart is None and not slicer_python.settings


def test_after_a_restart_it_goes_on_with_one_click(slicer_python, results):
    slicer_python.extension = False
    before = Installer(slicer_python)
    assert before.pendingAfterRestart is None
    assert before.installPyTorchExtension((BASE, SAM)).outcome is Outcome.RESTART

    after = Installer(slicer_python)
    slicer_python.extension = True
    assert after.pendingAfterRestart.missing == after.missing((BASE, SAM))
    after.resume(finished=results.append)
    slicer_python.run_waiting()
    slicer_python.end(0)
    assert results[0].outcome is Outcome.INSTALLED and after.pendingAfterRestart is None
    assert not slicer_python.settings


def test_an_installation_that_a_restart_cut_off_goes_on(slicer_python, tmp_path):
    (tmp_path / "a.whl").write_bytes(b"")
    Installer(slicer_python).install(yes, offlineFolder=tmp_path)
    after = Installer(slicer_python)
    assert after.pendingAfterRestart.offlineFolder == tmp_path
    after.dismiss()
    assert after.pendingAfterRestart is None


@pytest.mark.parametrize(
    "noted", ["", "{", "[]", '{"groups": ["x"], "offlineFolder": null}', '{"groups": 5}']
)
def test_a_damaged_note_is_no_note(slicer_python, installer, noted):
    slicer_python.settings["CFRSegment/PendingInstallation"] = noted
    assert installer.pendingAfterRestart is None


def test_without_the_extensions_server_the_remedy_is_said(slicer_python, installer):
    slicer_python.serverWorks = False
    result = installer.installPyTorchExtension()
    assert result.outcome is Outcome.FAILED and "Extensions Manager" in result.remedy
    assert not slicer_python.settings


def test_the_files_ask_for_what_the_engine_s_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = [one for one in project["optional-dependencies"]["fast"]]
    wanted = {projectName(one): versionPart(one) for one in project["dependencies"] + optional}
    from_slicer, for_terminals = {"numpy", "simpleitk"}, {"tqdm"}
    listed = {projectName(one): versionPart(one) for one in requirementsOf((BASE, SAM, FAST))}
    assert listed == {name: part for name, part in wanted.items() if name not in from_slicer | for_terminals}


def test_opening_the_installer_imports_nothing(tmp_path):
    code = (
        "import sys; before = set(sys.modules)\n"
        "from CFRSegmentLib.setup import Installer; Installer()\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'torch', 'monai', 'pip', 'packaging', 'slicer', 'qt', 'PyTorchUtils'}))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT / "CFRSegment", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
