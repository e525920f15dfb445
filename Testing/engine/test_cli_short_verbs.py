"""devices, estimate, inspect, a batch of predict, supervise: what they say, how they stop and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from CFRTrain.__main__ import main
from CFRTrain.cli import devices as devices_verb
from CFRTrain.cli import supervising
from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.phantoms import write_cohort
from CFRTrain.data.planning import Intensity, Plan
from CFRTrain.data.volumes import read_volume, write_volume
from CFRTrain.models.package import Model, NetworkConfig, Provenance, save_model
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder
from Testing.conftest import REPOSITORY
from Testing.engine.cli_tools import of_type, say

CLASSES = (ClassSpec(1, "organ", (1, 2, 3), "T~SCT^1^Organ"), ClassSpec(7, "vessel"))
OBLIQUE = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    config = NetworkConfig("vnet", 1, 3, width=2, levels=2, norm="instance", dropout=0.0)
    torch.manual_seed(0)
    plan = Plan((2.0, 1.0, 1.0), (8, 8, 8), 0, Intensity("zscore", 0.5, 99.5), 0, (8, 8, 8), {})
    provenance = Provenance("2026-11-21", {}, 0, "preview", "supervised", "atlas", "MR", {"labeled": 1})
    path = tmp_path_factory.mktemp("model") / "organ.cfrmodel"
    return save_model(path, config.build(), config, plan, CLASSES, provenance)


def write_image(path: Path, seed: int = 0, size: tuple[int, int, int] = (6, 9, 7)) -> Geometry:
    geometry = Geometry(size, (3.0, 0.9, 0.8), (-12.5, 40.0, 3.0), OBLIQUE)
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    write_volume(path, Volume(noise, geometry))
    return geometry


def make_run(root: Path, **changes: object) -> RunFolder:
    write_cohort(root, 3, seed=1, labeled=1, size_zyx=(12, 16, 16), spacing_zyx=(8.0, 9.0, 9.0))
    job = changed(preset("preview", (ClassSpec(1, "left atrium"),), device="cpu", threads=1), changes)
    (root / "job.json").write_text(job_to_json(job))
    return RunFolder(root)


def test_a_batch_goes_on_after_a_failure_and_its_exit_code_says_so(tmp_path: Path, capsys, model: Model):
    geometries = [write_image(tmp_path / f"{name}.nii.gz", seed) for seed, name in enumerate("ac")]
    (tmp_path / "b.nii.gz").write_bytes(b"broken")
    inputs = [tmp_path / f"{name}.nii.gz" for name in "abc"]
    code, messages = say(
        capsys, "predict", model.path, *inputs, "--output", tmp_path / "out", "--device", "cpu"
    )
    cases = of_type(messages, "case")
    assert code == 3 and [case["ok"] for case in cases] == [True, False, True]
    assert cases[1]["code"] == "damaged" and cases[1]["remedy"] and not Path(cases[1]["output"]).exists()
    for case, geometry in zip((cases[0], cases[2]), geometries, strict=True):
        labels = read_volume(case["output"], "a")
        assert labels.geometry.same_grid(geometry, 1e-5) and labels.array.dtype == np.uint8
        counted = {
            str(value): int((labels.array == value).sum())
            for value in (1, 7)
            if (labels.array == value).any()
        }
        milliliters = {
            name: pytest.approx(count * 3.0 * 0.9 * 0.8 / 1000, abs=1e-3) for name, count in counted.items()
        }
        assert case["volumes_ml"] == milliliters
    assert of_type(messages, "progress")[-1]["index"] == 2 and messages[-1]["status"] == "done"


def test_the_pairs_of_a_list_go_where_it_says(tmp_path: Path, capsys, model: Model):
    write_image(tmp_path / "é.nrrd")
    pairs = [{"input": str(tmp_path / "é.nrrd"), "output": str(tmp_path / "x/y 空.nrrd")}]
    (tmp_path / "list.json").write_text(json.dumps(pairs))
    assert say(capsys, "predict", model.path, "--list", tmp_path / "list.json")[0] == 0
    assert sitk.ReadImage(str(tmp_path / "x/y 空.nrrd")).GetSize() == (7, 9, 6)
    for content in ("[1]", "{", json.dumps(pairs * 2), json.dumps([{"input": "a", "output": "b.txt"}])):
        (tmp_path / "list.json").write_text(content)
        assert say(capsys, "predict", model.path, "--list", tmp_path / "list.json")[0] == 2


@pytest.mark.parametrize("more", [(), ("a.nii.gz",), ("a.nii.gz", "--output", "o", "--list", "l.json")])
def test_predict_without_inputs_or_with_two_kinds_of_them_says_what_it_needs(capsys, model: Model, more):
    code, messages = say(capsys, "predict", model.path, *more)
    assert code == 2 and of_type(messages, "error")[0]["code"] == "no_inputs"


def test_the_same_volume_twice_gives_the_same_label_map(tmp_path: Path, capsys, model: Model):
    write_image(tmp_path / "a.nii.gz")
    results = []
    for name in ("first", "second"):
        assert (
            say(capsys, "predict", model.path, tmp_path / "a.nii.gz", "--output", tmp_path / f"{name}.nrrd")[
                0
            ]
            == 0
        )
        results.append(read_volume(tmp_path / f"{name}.nrrd", "a").array)
    assert np.array_equal(*results)


def test_a_batch_stops_between_windows_and_leaves_no_half_written_result(
    tmp_path: Path, capsys, model: Model
):
    write_image(tmp_path / "a.nii.gz")
    (tmp_path / "stop").touch()
    arguments = (
        model.path,
        tmp_path / "a.nii.gz",
        "--output",
        tmp_path / "out",
        "--stop-file",
        tmp_path / "stop",
    )
    code, messages = say(capsys, "predict", *arguments)
    assert code == 130 and messages[-1]["status"] == "stopped" and not list((tmp_path / "out").glob("*"))


def test_a_device_that_is_not_there_is_named(tmp_path: Path, capsys, model: Model):
    write_image(tmp_path / "a.nii.gz")
    arguments = ("predict", model.path, tmp_path / "a.nii.gz", "--output", tmp_path, "--device", "cuda:63")
    code, messages = say(capsys, *arguments)
    assert code == 6 and of_type(messages, "error")[0]["code"] == "device_missing"


def test_a_model_is_inspected_with_everything_it_says(tmp_path: Path, capsys, model: Model):
    code, messages = say(capsys, "inspect", model.path)
    (said,) = of_type(messages, "model")
    assert code == 0 and said["description"]["classes"][0]["terminology"] == "T~SCT^1^Organ"
    assert said["parameters"] == sum(parameter.numel() for parameter in model.network.parameters())
    tampered = bytearray(model.path.read_bytes())
    tampered[-400] ^= 1
    (tmp_path / "bad.cfrmodel").write_bytes(tampered)
    code, messages = say(capsys, "inspect", tmp_path / "bad.cfrmodel")
    assert code == 3 and of_type(messages, "error")[0]["code"] == "model_damaged"


def test_the_processor_is_always_listed_and_can_be_used(capsys):
    code, messages = say(capsys, "devices")
    last = of_type(messages, "device")[-1]
    assert code == 0 and last["id"] == "cpu" and last["usable"] and last["name"]
    assert 0 < last["free_bytes"] <= last["total_bytes"]


def test_a_gpu_that_is_found_but_cannot_compute_is_not_usable(capsys, monkeypatch: pytest.MonkeyPatch):
    """Nothing here has a GPU: the queries are answered, the kernel fails as on a GPU newer than PyTorch."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "GPU of tomorrow")
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda index: (6 << 30, 8 << 30))
    ones = torch.ones

    def failing(*sizes: int, device: str = "cpu", **options: object) -> torch.Tensor:
        if device.startswith("cuda"):
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")
        return ones(*sizes, **options)

    monkeypatch.setattr("torch.ones", failing)
    gpu = of_type(say(capsys, "devices")[1], "device")[0]
    assert (gpu["id"], gpu["usable"], gpu["free_bytes"]) == ("cuda:0", False, 6 << 30)
    assert gpu["problem"].endswith("on the device") and "PyTorch" in gpu["remedy"]


def test_the_kernels_that_try_a_device_are_right_on_the_processor():
    assert devices_verb._try_kernel("cpu") == ""


def test_an_estimate_trains_nothing_and_its_check_serves_the_run(tmp_path: Path, capsys):
    run = make_run(tmp_path / "run")
    code, messages = say(capsys, "estimate", run.root)
    (said,) = of_type(messages, "estimate")
    assert code == 0 and said["device"] == "cpu" and said["gpu_memory_bytes"] is None
    assert (
        said["seconds"] == pytest.approx(sum(said["parts"].values()), abs=0.2)
        and said["memory_bytes"] > 2**29
    )
    assert not (run.root / "checkpoints").exists() and run.read_json("check.json")["ok"]
    assert of_type(messages, "progress")[-1]["stage"] == "check"
    assert not of_type(say(capsys, "estimate", run.root)[1], "progress")


def test_the_estimate_counts_what_sam_costs(tmp_path: Path, capsys):
    atlas = of_type(say(capsys, "estimate", make_run(tmp_path / "a").root)[1], "estimate")[0]
    changes = {"labeler": "sam", "finetune.steps": 60}
    sam = of_type(say(capsys, "estimate", make_run(tmp_path / "b", **changes).root)[1], "estimate")[0]
    more = {**changes, "finetune.steps": 600}
    longer = of_type(say(capsys, "estimate", make_run(tmp_path / "c", **more).root)[1], "estimate")[0]
    assert atlas["parts"]["retrain"] == sam["parts"]["retrain"] == longer["parts"]["retrain"]
    assert sam["parts"]["label"] > atlas["parts"]["label"]
    assert longer["parts"]["label"] == pytest.approx(10 * sam["parts"]["label"], rel=0.25)


def test_an_estimate_names_what_would_stop_the_run(tmp_path: Path, capsys):
    assert say(capsys, "estimate", tmp_path)[0] == 2
    run = make_run(tmp_path / "run")
    (run.root / "images/case_0002.nii.gz").write_bytes(b"broken")
    code, messages = say(capsys, "estimate", run.root)
    assert code == 3 and "remedy" in of_type(messages, "error")[0]
    run = make_run(
        tmp_path / "sam", labeler="sam", **{"finetune.model": "vit_b", "finetune.weights": "none.pth"}
    )
    code, messages = say(capsys, "estimate", run.root)
    assert code == 3 and of_type(messages, "error")[0]["code"] == "sam_weights_absent"


def test_an_estimate_stops_when_the_stop_file_is_there(tmp_path: Path, capsys):
    run = make_run(tmp_path / "run")
    (tmp_path / "stop").touch()
    assert say(capsys, "estimate", run.root, "--stop-file", tmp_path / "stop")[0] == 130


def test_a_person_in_a_terminal_reads_sentences(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    main(["devices"])
    shown = capsys.readouterr().out
    assert "cpu: " in shown and "GiB free" in shown and "{" not in shown


def engine_of(run: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `supervise` run `code` instead of the engine."""
    (run / "__main__.py").write_text(code)
    monkeypatch.setattr(supervising.CFRTrain, "__file__", str(run / "__init__.py"))
    monkeypatch.setattr(supervising, "give_way", lambda: None)  # this process has more tests to run


@pytest.mark.parametrize(
    ("code", "noted", "returned"),
    [("", 0, 0), ("raise SystemExit(4)", 4, 4), ("import os\nos.kill(os.getpid(), 9)", -9, 137)],
)
def test_the_supervisor_notes_how_the_engine_ended(
    tmp_path: Path, capsys, monkeypatch, code, noted, returned
):
    engine_of(tmp_path, code, monkeypatch)
    (tmp_path / "exit.json").write_text('{"code": 99}')
    assert main(["supervise", str(tmp_path)]) == returned
    assert json.loads((tmp_path / "exit.json").read_text())["code"] == noted


def test_a_terminated_supervisor_asks_the_run_to_stop_and_waits_for_it(tmp_path: Path):
    endless = {"retrain.steps": 100_000, "retrain.width": 4, "retrain.learning_rate": 1e-5}
    run = make_run(tmp_path / "run", **endless, **{"retrain.checkpoint_every": 2})
    command = [sys.executable, str(REPOSITORY / "CFRTrain/__main__.py"), "supervise", str(run.root)]
    supervisor = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        end = time.monotonic() + 240  # far more than it takes; for machines that do other things, too
        while not list((run.root / "checkpoints/retrain").glob("*")) and time.monotonic() < end:
            time.sleep(0.1)
        assert os.getpriority(os.PRIO_PROCESS, supervisor.pid) >= 10  # so that the viewer goes first
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(240) == 130
    finally:
        while supervisor.poll() is None:  # no endless training outlives a failed test
            supervisor.send_signal(signal.SIGTERM)
            time.sleep(0.5)
    assert json.loads((run.root / "exit.json").read_text())["code"] == 130
    assert read_events(run.root / "events.jsonl")[0][-1] == {
        "type": "finished", "status": "stopped", "time": pytest.approx(time.time(), abs=60)
    }  # fmt: skip
