"""Kills a run at random moments of all its stages, resumes it each time, and compares the final weights.

    python -m Testing.benchmarks.kill_and_resume --work FOLDER [--kills 20] [--seed 0] [--output FILE.md]

The process is killed (SIGKILL) at the beginning of every stage and right after randomly drawn events of the
uninterrupted run. The weights' hash after all kills must equal the uninterrupted run's.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

from CFRTrain.data.phantoms import write_cohort
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, changed, job_to_json, preset
from CFRTrain.runs.run_folder import RunFolder, write_atomic

WORKING = ("stage", "metric", "checkpoint", "case_done")  # progress is thinned out by the clock
CHANGES = {
    "labeler": "fusion",
    "fusion_members": ("atlas", "network", "sam"),
    "threads": 1,
    "retrain.rounds": 2,
    "network_labeler.steps": 24,
    "network_labeler.pairs": 0.5,
    "retrain.steps": 24,
    "retrain.pairs": 0.5,
    "retrain.width": 4,
    "retrain.levels": 3,
    "retrain.checkpoint_every": 6,
    "retrain.log_every": 2,
    "finetune.steps": 10,
    "finetune.batch": 1,
    "finetune.checkpoint_every": 3,
}


def make_run(root: Path) -> RunFolder:
    """A small run through every stage, each with several checkpoints."""
    write_cohort(root, 7, seed=1, labeled=1, validation=2, size_zyx=(24, 32, 32), spacing_zyx=(5.0, 5.0, 5.0))
    job = changed(preset("preview", (ClassSpec(1, "left atrium"),)), CHANGES)
    write_atomic(root / "job.json", job_to_json(job).encode())
    return RunFolder(root)


def start(run: RunFolder) -> subprocess.Popen:
    """The engine on this run, in a process of its own."""
    log = (run.root / "stdout.log").open("ab")
    return subprocess.Popen([sys.executable, "-m", "CFRTrain", "run", str(run.root)], stdout=log, stderr=log)


def marks(run: RunFolder) -> list[tuple]:
    """What tells one working event from another, whenever it was written."""
    events, _ = read_events(run.root / "events.jsonl", 0)
    return [mark(event) for event in events if event["type"] in WORKING]


def mark(event: dict) -> tuple:
    """The event without its times."""
    return (event["type"], event.get("name") or event.get("stage"), event.get("step"), event.get("case"))


def kill_at(run: RunFolder, target: tuple) -> bool:
    """Starts the engine and kills it once `target` is written; False where it ended without writing it."""
    path = run.root / "events.jsonl"
    offset = path.stat().st_size if path.is_file() else 0
    process = start(run)
    while process.poll() is None:
        events, offset = read_events(path, offset)
        if any(event["type"] in WORKING and mark(event) == target for event in events):
            process.kill()
            process.wait()
            return True
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(
            f"the engine failed with exit code {process.returncode}, see {run.root / 'stdout.log'}"
        )
    return False


def stage_of(target: tuple, order: list[tuple]) -> str:
    """The stage in which an event of the uninterrupted run lies."""
    names = [item[1] for item in order[: order.index(target) + 1] if item[0] == "stage"]
    return str(names[-1]) if names else "start"


def uninterrupted(root: Path) -> tuple[str, list[tuple]]:
    """Weights' hash of a run that is left alone, and its working events in order."""
    run = make_run(root)
    finish(run)
    return (run.results() or {})["weights_sha256"], list(dict.fromkeys(marks(run)))


def finish(run: RunFolder) -> None:
    """Runs what is left."""
    if start(run).wait():
        raise SystemExit(f"the engine failed, see {run.root / 'stdout.log'}")


def chosen_events(order: list[tuple], count: int, seed: int) -> list[int]:
    """Indices of the events to kill at: the beginning of every stage, and others at random."""
    begins = [index for index, item in enumerate(order) if item[0] == "stage"]
    others = [index for index in range(len(order)) if index not in begins]
    return sorted(begins + random.Random(seed).sample(others, max(0, count - len(begins))))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def main() -> None:
    """Runs, kills, resumes, compares and writes the table; exit code 1 if the weights differ."""
    options = parse_options()
    expected, order = uninterrupted(options.work / "uninterrupted")
    run, lines, kills = make_run(options.work / "killed"), [], 0
    for index in chosen_events(order, options.kills, options.seed):
        target = order[index]
        killed = kill_at(run, target)
        kills += killed
        step = "" if target[2] is None else target[2]
        outcome = "killed" if killed else "already behind it"
        lines.append(f"| {stage_of(target, order)} | {target[0]} {target[1]} {step} | {outcome} |")
    finish(run)
    found = (run.results() or {})["weights_sha256"]
    verdict = "equal" if found == expected else "DIFFERENT"
    command = f"python -m Testing.benchmarks.kill_and_resume --kills {options.kills} --seed {options.seed}"
    text = f"""# Kill and resume

`{command}`

{kills} kills. Weights of the uninterrupted run {expected[:16]}, of the killed one {found[:16]}: {verdict}.

| stage | at event | |
|---|---|---|
"""
    text += "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if options.output:
        write_atomic(options.output, text.encode())
    sys.exit(0 if found == expected and kills else 1)


if __name__ == "__main__":
    main()
