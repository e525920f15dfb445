"""Kills the application (kill -9) while labels are edited and saved in it: none may be lost or damaged.

    python -m Testing.benchmarks.kill_the_window DATA --work FOLDER [--kills 50] [--seed 0] [--output FILE.md]

Each time the application is started as a process of its own. It opens the same cohort (two cases to label,
two pseudo-labels to correct), draws strokes with the mouse and saves with the key, again and again, and
writes down what it is about to save and what the module has called saved. It is killed at a random moment,
every other time within a save. Then the cohort must open, not read-only, and hold each label as it was last
called saved, or as the save under way would have left it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from CFRTrain.runs.atomic import write_atomic
from CFRTrain.runs.run_folder import RunFolder
from Testing.gui.cohorts import HIPPOCAMPUS, make_cohort
from Testing.gui.sitting import MODULE, start

if TYPE_CHECKING:
    from CFRSegmentLib.cohort import Case
    from Testing.gui.sitting import Desk
    from Testing.gui.window import Window

FUNCTION = "Testing.benchmarks.kill_the_window:label_until_killed"
CASES = 4
PSEUDO_LABELED = 2
LOG = "saves.jsonl"
START_SECONDS = 120.0
EDIT_SECONDS = 2.0
Pairs = list[tuple[Path, Path]]


@dataclass
class Tally:
    """What was seen. found: what was there after kills within a save."""

    kills: int = 0
    within_save: int = 0
    saves: int = 0
    damaged: list[str] = field(default_factory=list)
    found: Counter = field(default_factory=Counter)


def label_until_killed(desk: Desk) -> None:
    """What the application does in a round: the function of a sitting."""
    window, log = desk.window, os.open(desk.folder / LOG, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    cohort = window.session.openCohort(desk.folder / "cohort")
    assert cohort is not None and not cohort.readOnly, "the cohort is read-only"
    chance, number = random.Random(os.getpid()), 0
    while True:
        case = cohort.cases()[number % CASES].id
        number += 1
        window.double_click([item.id for item in cohort.cases()].index(case))
        draw_somewhere(window, chance)
        tell(log, "begin", case, content_shown(window))
        window.user.key("ctrl+l")
        assert not window.session.case.isModified, window.text(window.annotate.messages)
        tell(log, "end", case, content_shown(window))


def draw_somewhere(window: Window, chance: random.Random) -> None:
    """A stroke of one class near the middle of the axial view."""
    editor = window.annotate.host.editor
    editor.setCurrentSegmentID(f"class_{chance.choice(HIPPOCAMPUS)[0]}")
    editor.setActiveEffectByName(chance.choice(("Paint", "Paint", "Erase")))
    area = window.bed.layoutManager.sliceWidget("Red").sliceView().VTKWidget()
    middle = area.width() // 2, area.height() // 2
    points = [tuple(place + chance.randint(-60, 60) for place in middle) for _point in range(3)]
    window.user.drag(area, points)
    if not window.session.case.isModified:  # erased where nothing was
        editor.setActiveEffectByName("Paint")
        window.user.drag(area, points)


def tell(log: int, what: str, case: str, content: str) -> None:
    """One line, at once; the system keeps it even where this process is killed."""
    line = {"what": what, "case": case, "content": content, "time": time.time()}
    os.write(log, (json.dumps(line) + "\n").encode())


def content_shown(window: Window) -> str:
    """The label that a save would write, as a hash of its voxels."""
    labels = np.zeros(window.voxels(HIPPOCAMPUS[0][0]).shape, np.uint8)
    for value, _name, _color in reversed(HIPPOCAMPUS):
        labels[window.voxels(value) > 0] = value
    return hashlib.sha256(labels.tobytes()).hexdigest()


def content_of(path: Path) -> str:
    """The same of a label file. Raises RuntimeError where it cannot be read."""
    import SimpleITK as sitk

    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.uint8)
    return hashlib.sha256(labels.tobytes()).hexdigest()


def prepare(folder: Path, pairs: Pairs) -> None:
    """A cohort of four cases; the last two have pseudo-labels, which are their true labels."""
    from CFRSegmentLib.cohort import Cohort

    make_cohort(folder / "cohort", "Hippocampus", pairs[:CASES], labeled=0)
    with Cohort.open(folder / "cohort") as cohort:
        run = RunFolder(cohort.runsFolder / "run_0001")
        listed = []
        for case, (_image, label) in list(zip(cohort.cases(), pairs, strict=False))[-PSEUDO_LABELED:]:
            shutil.copy(label, run.folder("review") / f"{case.id}.nii.gz")
            shutil.copy(label, run.folder("review") / f"{case.id}_uncertainty.nii.gz")
            listed.append({"case": case.id, "uncertainty": 0.5})
        run.write_json("review.json", listed)
        run.write_results({"status": "done"})
        assert len(cohort.adoptRun(run.root)) == PSEUDO_LABELED


def lines_of(folder: Path) -> list[dict]:
    """What the application has written down so far."""
    path = folder / LOG
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def kill_once(folder: Path, chance: random.Random, in_save: bool, display: str) -> None:
    """Start the application, let it save at least once, and kill it."""
    known = len(lines_of(folder))
    with (folder / "application.log").open("wb") as output:
        process = start(FUNCTION, folder, display=display, output=output.fileno())
        try:
            wait_for(folder, process, known, "end")
            if in_save:
                seen = len(lines_of(folder))
                wait_for(folder, process, seen, "begin")
                time.sleep(chance.uniform(0, save_seconds(folder)))
            else:
                time.sleep(chance.uniform(0, EDIT_SECONDS))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def wait_for(folder: Path, process: subprocess.Popen, known: int, what: str) -> None:
    """Until a line of this kind comes. Raises AssertionError where the application ends or hangs before."""
    deadline = time.monotonic() + START_SECONDS
    while not any(line["what"] == what for line in lines_of(folder)[known:]):
        if process.poll() is not None or time.monotonic() > deadline:
            output = (folder / "application.log").read_text(errors="replace")
            raise AssertionError(f"The application did not come to a save:\n{output[-3000:]}")
        time.sleep(0.005)


def save_seconds(folder: Path) -> float:
    """How long the last save took that was told."""
    lines = lines_of(folder)
    ends = [index for index, line in enumerate(lines) if line["what"] == "end"]
    return lines[ends[-1]]["time"] - lines[ends[-1] - 1]["time"]


def look(folder: Path, tally: Tally) -> None:
    """Open the cohort as the next Slicer would, and compare every label with what was told."""
    from CFRSegmentLib.cohort import Cohort

    lines = lines_of(folder)
    under_way = lines[-1] if lines[-1]["what"] == "begin" else None
    tally.kills += 1
    tally.within_save += under_way is not None
    tally.saves = sum(line["what"] == "end" for line in lines)
    saved = {line["case"]: line["content"] for line in lines if line["what"] != "begin"}
    with Cohort.open(folder / "cohort") as cohort:
        if cohort.readOnly:
            tally.damaged.append(f"kill {tally.kills}: the cohort is read-only: {cohort.readOnlyReason}")
        for case in cohort.cases():
            is_under_way = under_way is not None and under_way["case"] == case.id
            found = look_at_case(case, saved.get(case.id), under_way if is_under_way else None, tally)
            if is_under_way and found == under_way["content"]:
                note_found(folder, under_way)


def look_at_case(case: Case, saved: str | None, under_way: dict | None, tally: Tally) -> str | None:
    """The label must be the last one that was called saved, or the one that was being saved; gives it."""
    label = case.label or case.draft
    try:
        found = content_of(label) if label is not None else None
    except RuntimeError as error:
        tally.damaged.append(f"kill {tally.kills}: {label.name} cannot be read: {error}")
        return None
    if under_way is not None and found == under_way["content"]:
        tally.found["the label that was being saved"] += 1
    elif found != saved:
        tally.damaged.append(f"kill {tally.kills}: {case.id} has not the label that was called saved")
    elif under_way is not None:
        tally.found["the label before"] += 1
    return found


def note_found(folder: Path, under_way: dict) -> None:
    """What was found in the place of a save under way must be there from now on."""
    with (folder / LOG).open("a") as log:
        log.write(json.dumps(under_way | {"what": "found"}) + "\n")


def kill_often(folder: Path, pairs: Pairs, kills: int, seed: int, display: str = "") -> Tally:
    """The whole: `folder` is a new one."""
    sys.path.insert(0, str(MODULE.parent))
    prepare(folder, pairs)
    chance, tally = random.Random(seed), Tally()
    for number in range(kills):
        kill_once(folder, chance, number % 2 == 0, display)
        look(folder, tally)
    return tally


def text_of(tally: Tally, command: str) -> str:
    """The table."""
    found = ", ".join(f"{count} x {what}" for what, count in sorted(tally.found.items())) or "none"
    damaged = "".join(f"\n- {text}" for text in tally.damaged) or " none"
    return f"""# kill -9 on the application while labels are edited and saved

`{command}`

| | |
|---|---|
| kills | {tally.kills} |
| of them within a save | {tally.within_save} |
| saves that the module has called done | {tally.saves} |
| found after a kill within a save | {found} |
| labels lost, half written or unreadable; cohorts that did not open | {len(tally.damaged)} |

Lost or damaged:{damaged}
"""


def main() -> None:
    """Kill, look, write the table; exit code 1 where a label was lost or damaged."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with hippocampus/images and hippocampus/labels")
    parser.add_argument("--work", type=Path, required=True, help="a new folder")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--display", default="", help="X display (default: one of its own)")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    images = sorted((options.data / "hippocampus" / "images").glob("*.nii.gz"))[:CASES]
    pairs = [(image, options.data / "hippocampus" / "labels" / image.name) for image in images]
    tally = kill_often(options.work, pairs, options.kills, options.seed, options.display)
    command = "python -m Testing.benchmarks.kill_the_window DATA --work WORK"
    text = text_of(tally, f"{command} --kills {options.kills} --seed {options.seed}")
    sys.stdout.write(text)
    if options.output:
        write_atomic(options.output, text.encode())
    sys.exit(1 if tally.damaged or tally.kills < options.kills else 0)


if __name__ == "__main__":
    main()
