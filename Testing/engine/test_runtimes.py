"""Runtimes: OpenVINO computes what PyTorch does, is cached safely, reports to nobody and may be absent."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from CFRTrain.data.planning import Intensity, Plan
from CFRTrain.models import openvino_conversion, runtimes
from CFRTrain.models.package import Model, NetworkConfig, Provenance, save_model
from CFRTrain.models.runtimes import OpenVinoRuntime, TorchRuntime, choose_runtime
from CFRTrain.runs.errors import DependencyError
from CFRTrain.runs.job import ClassSpec

REPOSITORY = Path(__file__).resolve().parents[2]
WINDOW = (1, 16, 24, 16)
needs_openvino = pytest.mark.skipif(not runtimes.openvino_is_installed(), reason="OpenVINO is not installed")


def trained_like(config: NetworkConfig) -> torch.nn.Module:
    """A network whose weights and statistics are not those of a fresh one."""
    torch.manual_seed(0)
    network = config.build().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_()
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return network


def saved_model(folder: Path, config: NetworkConfig | None = None) -> Model:
    """A small model on disk."""
    config = config or NetworkConfig("vnet", 1, 2, 2, 2, "instance", 0.0)
    plan = Plan((1, 1, 1), WINDOW[1:], 0, Intensity("zscore", 0, 100), 0, (20, 30, 30), {})
    provenance = Provenance("2026-11-21", {}, 0, "standard", "supervised", "none", "MR", {})
    classes = (ClassSpec(1, "atrium"),)
    return save_model(folder / "heart.cfrmodel", trained_like(config), config, plan, classes, provenance)


@needs_openvino
@pytest.mark.parametrize("name, norm", [("vnet", "instance"), ("vnet", "batch"), ("unet", "instance")])
def test_openvino_gives_the_logits_of_pytorch(name, norm):
    network = trained_like(NetworkConfig(name, 1, 3, 4, 3, norm, 0.3))
    windows = torch.randn(3, *WINDOW)
    expected = TorchRuntime(network)(windows)
    found = OpenVinoRuntime(network, "0" * 64, WINDOW)(windows)
    assert found.dtype == torch.float32 and found.shape == expected.shape == (3, 3, *WINDOW[1:])
    assert (found - expected).abs().max() < 1e-4


REPORTS = """
import os, socket, subprocess, sys
from pathlib import Path

def report(*given, **named):
    sys.exit(f"something was to be reported: {given}")

socket.socket.connect = socket.getaddrinfo = os.fork = subprocess.Popen = report
from CFRTrain.models.openvino_import import import_openvino
from CFRTrain.models.runtimes import choose_runtime
from CFRTrain.models.package import load_model
import_openvino()
runtime = choose_runtime(load_model(Path(sys.argv[1])), "openvino")
import concurrent.futures.thread
concurrent.futures.thread._python_exit()  # waits for threads that might still have something to say
assert sys.modules["openvino_telemetry"] is None
"""


@needs_openvino
def test_a_fresh_process_that_uses_openvino_reports_to_nobody(tmp_path):
    model = saved_model(tmp_path)
    command = [sys.executable, "-c", REPORTS, str(model.path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_openvino_is_imported_in_one_place_only():
    """At run time; names for type checkers are written under TYPE_CHECKING."""
    importing = [
        path.name
        for path in sorted((REPOSITORY / "CFRTrain").rglob("*.py"))
        if re.search(r"^ {4,}import openvino\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["openvino_conversion.py", "openvino_import.py"]
    text = (REPOSITORY / "CFRTrain/models/openvino_conversion.py").read_text(encoding="utf-8")
    assert text.count("    import openvino\n") == 1 and "if TYPE_CHECKING:\n    import openvino\n" in text


@needs_openvino
def test_a_result_of_openvino_is_not_overwritten_by_the_next():
    runtime = OpenVinoRuntime(trained_like(NetworkConfig("vnet", 1, 2, 2, 2, "batch", 0.0)), "0" * 64, WINDOW)
    first = runtime(torch.zeros(1, *WINDOW))
    kept = first.clone()
    runtime(torch.ones(1, *WINDOW))
    assert torch.equal(first, kept)


@needs_openvino
def test_the_converted_network_is_kept_beside_the_model_and_used_again(tmp_path, monkeypatch):
    model = saved_model(tmp_path)
    windows = torch.randn(1, *WINDOW)
    expected = choose_runtime(model, "openvino")(windows)
    assert len(list((tmp_path / "heart.openvino").iterdir())) == 3

    def fails(*_: object) -> None:
        raise AssertionError("it was converted again")

    monkeypatch.setattr(openvino_conversion, "convert", fails)
    assert torch.equal(choose_runtime(model, "openvino")(windows), expected)


@needs_openvino
def test_a_damaged_cache_is_made_again(tmp_path):
    model = saved_model(tmp_path)
    windows = torch.randn(1, *WINDOW)
    expected = choose_runtime(model, "openvino")(windows)
    for suffix in ("xml", "bin", "json"):
        (path,) = (tmp_path / "heart.openvino").glob(f"*.{suffix}")
        intact = path.read_bytes()
        content = bytearray(intact)
        content[len(content) // 2] ^= 8
        path.write_bytes(content)
        assert torch.equal(choose_runtime(model, "openvino")(windows), expected)
        assert path.read_bytes() != content


@needs_openvino
def test_new_weights_replace_the_old_ones_in_the_cache(tmp_path):
    first = saved_model(tmp_path)
    choose_runtime(first, "openvino")
    before = {path.name for path in (tmp_path / "heart.openvino").iterdir()}
    second = saved_model(tmp_path, NetworkConfig("vnet", 1, 2, 3, 2, "instance", 0.0))
    windows = torch.randn(1, *WINDOW)
    assert (
        choose_runtime(second, "openvino")(windows) - TorchRuntime(second.network)(windows)
    ).abs().max() < 1e-4
    after = {path.name for path in (tmp_path / "heart.openvino").iterdir()}
    assert len(after) == 3 and not before & after


@needs_openvino
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    model = saved_model(tmp_path)
    (tmp_path / "heart.openvino").write_text("a file where the folder should be")
    assert choose_runtime(model, "openvino")(torch.zeros(1, *WINDOW)).shape == (1, 2, *WINDOW[1:])


@needs_openvino
def test_a_graph_that_computes_something_else_is_refused(monkeypatch):
    network = trained_like(NetworkConfig("vnet", 1, 2, 2, 2, "instance", 0.0))
    other = openvino_conversion.convert(trained_like(NetworkConfig("vnet", 1, 2, 3, 2, "instance", 0.0)), 1)
    monkeypatch.setattr(openvino_conversion, "convert", lambda *_: other)
    with pytest.raises(RuntimeError, match="differ"):
        OpenVinoRuntime(network, "0" * 64, WINDOW)


@needs_openvino
def test_auto_falls_back_to_pytorch_with_a_warning_and_openvino_by_name_fails(tmp_path, monkeypatch):
    model, warnings = saved_model(tmp_path), []

    def fails(*_: object) -> None:
        raise RuntimeError("an operation is not supported")

    monkeypatch.setattr(openvino_conversion, "convert", fails)
    chosen = choose_runtime(model, device="cpu", on_warning=lambda code, text: warnings.append((code, text)))
    assert chosen.name == "torch" and warnings[0][0] == "openvino_failed"
    with pytest.raises(DependencyError, match="not supported"):
        choose_runtime(model, "openvino")


def test_without_openvino_auto_is_pytorch_and_openvino_by_name_says_what_to_install(tmp_path, monkeypatch):
    model = saved_model(tmp_path)
    monkeypatch.setattr(runtimes, "openvino_is_installed", lambda: False)
    assert choose_runtime(model, device="cpu").name == "torch"
    with pytest.raises(DependencyError, match="pip install openvino") as caught:
        choose_runtime(model, "openvino")
    assert caught.value.exit_code == 6


@needs_openvino
def test_on_a_cpu_auto_is_openvino_in_float32(tmp_path):
    chosen = choose_runtime(saved_model(tmp_path), device="cpu")
    assert (chosen.name, chosen.precision) == ("openvino", "f32")


@pytest.mark.parametrize("runtime", ["torch", pytest.param("openvino", marks=needs_openvino)])
def test_bfloat16_is_used_only_where_the_processor_has_it(tmp_path, runtime):
    warnings: list[str] = []
    model = saved_model(tmp_path)
    chosen = choose_runtime(model, runtime, "bf16", "cpu", lambda code, text: warnings.append(code))
    able = torch.cpu.get_capabilities()
    if able.get("avx512_bf16") or able.get("amx_bf16"):
        assert chosen.precision == "bf16" and not warnings
    else:
        assert chosen.precision == "f32" and warnings == ["precision"]
    difference = chosen(torch.ones(1, *WINDOW)) - TorchRuntime(model.network)(torch.ones(1, *WINDOW))
    assert difference.abs().max() < 0.1


def test_the_torch_runtime_works_on_a_copy(tmp_path):
    network = trained_like(NetworkConfig("vnet", 1, 2, 2, 2, "batch", 0.5)).train()
    runtime = TorchRuntime(network)
    before = runtime(torch.ones(1, *WINDOW))
    with torch.no_grad():
        network.head.bias.add_(5)
    assert network.training and torch.equal(runtime(torch.ones(1, *WINDOW)), before)
    assert not before.requires_grad
