"""How long one volume takes, the whole process from start to written file, and how much memory.

    python -m Testing.benchmarks.inference_speed --out speed.md

Each row is a process of its own: the command line with the default runtime, the first time (which converts
the network) and later, the command line with PyTorch, and plain PyTorch with MONAI's sliding window as most
scripts have it. Weights are random: the time does not depend on them. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from CFRTrain.data.geometry import Geometry, Volume
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.volumes import write_volume
from CFRTrain.models.package import Model, NetworkConfig, Provenance, save_model
from CFRTrain.models.windows import window_starts
from CFRTrain.runs.job import ClassSpec

REPOSITORY = Path(__file__).resolve().parents[2]
SPACING = (0.625, 0.625, 0.625)
TARGET_SECONDS, TARGET_GIB = 10.0, 2.0
PLAIN_NAME = "plain PyTorch and MONAI"
PLAIN = """
import sys, numpy, SimpleITK, torch
from monai.inferers import sliding_window_inference
from CFRTrain.models.package import load_model
model = load_model(sys.argv[1])
source = SimpleITK.ReadImage(sys.argv[2], SimpleITK.sitkFloat32)
image = torch.from_numpy(SimpleITK.GetArrayFromImage(source))
image = ((image - image.mean()) / image.std())[None, None]
with torch.inference_mode():
    logits = sliding_window_inference(image, model.plan.patch_zyx, 1, model.network, 0.5, mode="gaussian")
labels = SimpleITK.GetImageFromArray(logits.argmax(1)[0].numpy().astype(numpy.uint8))
labels.CopyInformation(source)
SimpleITK.WriteImage(labels, sys.argv[3])
"""


@dataclass(frozen=True)
class Measurement:
    """Seconds on the clock and of the processor of one process, and its largest resident set in bytes.

    The last two are 0 where the system does not tell.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def make_inputs(
    folder: Path, size: tuple[int, ...], patch: tuple[int, ...], width: int
) -> tuple[Model, Path]:
    """A model of the papers' V-Net with random weights, and a volume of noise around a ball."""
    config = NetworkConfig("vnet", 1, 2, width, 5, "instance", 0.0)
    plan = Plan(SPACING, patch, 0, Intensity("zscore", 0.0, 100.0), 0, size, {})
    provenance = Provenance("2026-01-01", {}, 0, "none", "none", "none", "MR", {})
    classes = (ClassSpec(1, "left atrium"),)
    torch.manual_seed(0)
    model = save_model(folder / "model.cfrmodel", config.build(), config, plan, classes, provenance)
    grid = np.indices(size) - np.array(size).reshape(3, 1, 1, 1) / 2
    ball = (np.linalg.norm(grid, axis=0) < min(size) / 3).astype(np.float32)
    image = ball + 0.3 * np.random.default_rng(0).normal(size=size).astype(np.float32)
    write_volume(folder / "image.nii.gz", Volume(image, Geometry(size, SPACING)))
    return model, folder / "image.nii.gz"


def measure(command: list[str], threads: int) -> Measurement:
    """Runs one process and waits for it. Raises SystemExit where it fails."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    peak, spent = 0, 0.0
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        spent = usage.ru_utime + usage.ru_stime
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seconds = time.perf_counter() - start
    if process.wait():
        raise SystemExit(f"{' '.join(command[1:4])} failed")
    return Measurement(seconds, spent, peak)


def measure_all(model: Model, image: Path, threads: int, repeats: int) -> dict[str, list[Measurement]]:
    """All rows, taken in turns so that a busy minute of the machine does not hit one of them only."""
    output = image.with_name("labels.nii.gz")
    files = [str(model.path), str(image)]
    command = [sys.executable, "-m", "CFRTrain", "predict", *files, "--output", str(output)]
    command += ["--threads", str(threads)]
    commands = {
        "default": command,
        "PyTorch runtime": [*command, "--runtime", "torch"],
        PLAIN_NAME: [sys.executable, "-c", PLAIN, *files, str(output)],
    }
    rows = {"default, first time": [measure(commands["default"], threads)]}
    for _ in range(repeats):
        for name, arguments in commands.items():
            rows.setdefault(name, []).append(measure(arguments, threads))
    return rows


def as_markdown(rows: dict[str, list[Measurement]], model: Model, size: tuple[int, ...], threads: int) -> str:
    """A table with the best and the worst time of each row, and whether the target is met."""
    best = {name: min(entry.seconds for entry in entries) for name, entries in rows.items()}
    peak = {name: max(entry.peak_bytes for entry in entries) / 2**30 for name, entries in rows.items()}
    starts = [window_starts(*pair, 0.5) for pair in zip(size, model.plan.patch_zyx, strict=True)]
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    shapes = [" x ".join(map(str, shape[::-1])) for shape in (size, model.plan.patch_zyx)]
    lines = [
        "# Inference speed",
        "",
        f"{shapes[0]} voxels, patch {shapes[1]}, half overlap ({math.prod(map(len, starts))} windows), "
        f"V-Net with {parameters:,} parameters, float32, {threads} threads; {_machine()}",
        "",
        "| whole process | seconds, best (worst) | processor seconds | peak GiB | speed-up |",
        "|---|---|---|---|---|",
    ]
    for name, entries in rows.items():
        worst = max(entry.seconds for entry in entries)
        spent = min(entry.processor_seconds for entry in entries)
        speed_up = best[PLAIN_NAME] / best[name]
        lines.append(
            f"| {name} | {best[name]:.1f} ({worst:.1f}) | {spent:.1f} | {peak[name]:.2f} | {speed_up:.1f} |"
        )
    met = best["default"] < TARGET_SECONDS and peak["default"] < TARGET_GIB
    target = f"under {TARGET_SECONDS:.0f} s and {TARGET_GIB:.0f} GiB"
    return "\n".join([*lines, "", f"Target for the default: {target}: {'met' if met else 'not met'}."]) + "\n"


def _machine() -> str:
    able = torch.cpu.get_capabilities()
    features = [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16") if able.get(name)]
    parts = [f"{able.get('cpu_name', platform.machine())} ({', '.join(features)})"]
    if hasattr(os, "getloadavg"):
        parts.append(f"load average {os.getloadavg()[0]:.1f}")
    return ", ".join([*parts, f"torch {torch.__version__}"])


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, nargs=3, default=(88, 176, 176), metavar=("Z", "Y", "X"))
    parser.add_argument("--patch", type=int, nargs=3, default=(80, 112, 112), metavar=("Z", "Y", "X"))
    parser.add_argument(
        "--width", type=int, default=16, help="channels of the first level (16: 9.4 M parameters)"
    )
    options = parser.parse_args()
    size = tuple(options.size)
    with tempfile.TemporaryDirectory() as folder:
        model, image = make_inputs(Path(folder), size, tuple(options.patch), options.width)
        rows = measure_all(model, image, options.threads, options.repeats)
    table = as_markdown(rows, model, size, options.threads)
    sys.stdout.write(table)
    if options.out:
        options.out.write_text(table)


if __name__ == "__main__":
    main()
