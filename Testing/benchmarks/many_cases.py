"""Peak memory of a whole run against the number of cases: it must not grow.

    python -m Testing.benchmarks.many_cases --work FOLDER [--counts 10,100,1000] [--output FILE.md]

Each run is a process of its own over generated phantoms, through all stages.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from CFRTrain.data.phantoms import write_cohort
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder, write_atomic

CHANGES = {"threads": 1, "retrain.steps": 20, "retrain.width": 4, "retrain.levels": 3}
SIZE, SPACING = (16, 24, 24), (7.5, 6.7, 6.7)


def measure(root: Path, count: int) -> tuple[float, float]:
    """Peak GiB and seconds of one run over `count` cases."""
    write_cohort(root, count, seed=2, labeled=1, validation=2, size_zyx=SIZE, spacing_zyx=SPACING)
    job = changed(preset("preview", (ClassSpec(1, "left atrium"),)), CHANGES)
    write_atomic(root / "job.json", job_to_json(job).encode())
    with (root / "stdout.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "CFRTrain", "run", str(root)], stdout=log, stderr=log, check=True
        )
    results = RunFolder(root).results() or {}
    return results["peak_memory_bytes"] / 2**30, sum(stage["seconds"] for stage in results["stages"].values())


def main() -> None:
    """Measures each count, smallest first, and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--counts", default="10,100,1000")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    lines = [
        "# Memory against the number of cases",
        "",
        f"`python -m Testing.benchmarks.many_cases --counts {options.counts}`, phantoms of {SIZE} voxels",
        "",
        "| cases | peak GiB | seconds |",
        "|---|---|---|",
    ]
    for count in map(int, options.counts.split(",")):
        root = options.work / f"cases_{count}"
        peak, seconds = measure(root, count)
        lines.append(f"| {count} | {peak:.3f} | {seconds:.0f} |")
        shutil.rmtree(root)
        text = "\n".join([*lines, ""])
        if options.output:
            write_atomic(options.output, text.encode())
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
