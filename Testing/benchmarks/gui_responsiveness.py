"""How quickly the window answers: its longest pause during a training, opening 1,000 cases, selecting a case.

    python -m Testing.benchmarks.gui_responsiveness DATA --work FOLDER [--output FILE.md]

The application runs in the test bed, whose stand-ins for Qt and CTK are Python and slower than Slicer's own,
and which draws its four views without a graphics card, one after the other. During the training a second
process has an event loop with nothing to do: its longest pause is what the machine alone does to any
program. Times of a busy machine are upper bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CFRTrain.runs.atomic import write_atomic
from Testing.gui.sitting import MODULE, REPOSITORY, sit

if TYPE_CHECKING:
    from Testing.bed.pauses import PauseMeter
    from Testing.gui.sitting import Desk

NAME = "Testing.benchmarks.gui_responsiveness"
CASES, MANY, LARGE = 20, 1000, 8
OPENED = 5
SECONDS = 1500.0
DRAWING = "in forceRender"  # in the stack of a pause in which the test bed's views were drawn


def training(desk: Desk) -> None:
    """From the press on Train to the end: a case is open, curves, log and review list are in view."""
    from Testing.bed.waiting import process_events, wait_until

    window, panel = desk.window, desk.window.panel("train")
    sections = window.widget.sections
    window.session.parameters.preset = "preview"
    window.session.openCohort(desk.folder / "cohort")
    window.double_click(1)
    for name in ("cohort", "annotate"):
        sections.section(name).collapsed = True
    for part in (sections.section("review"), panel.ui.logBox):
        part.collapsed = False
    window.session.showSection("train")
    wait_until(
        lambda: panel.ui.trainButton.enabled and panel._choices.devices.devices, "the button Train", 120
    )
    process_events(2)
    taken = window.session.cohort.runsFolder / "run_0001" / "taken_over"
    with measured(desk) as meter:
        window.user.click(panel.ui.trainButton)
        wait_until(taken.exists, "the end of the training", SECONDS)
        process_events(2)
    write(desk, "training", {**pauses(meter), "seconds": panel.control.state.elapsed})
    desk.shot("training")


def opening(desk: Desk) -> None:
    """A cohort of 1,000 cases, opened by its entry in the menu of recent ones."""
    from Testing.bed.pythonqt import unwrap
    from Testing.bed.waiting import process_events, wait_until
    from Testing.gui.pointing import entry

    window, button, session = desk.window, unwrap(desk.window.cohort.ui.openButton), desk.window.session
    session.settings.rememberCohort(desk.folder / "many")
    shown, complete = [], []
    for _attempt in range(OPENED):
        clicked: list[float] = []

        def answer(menu: Any, clicked: list[float] = clicked) -> None:
            clicked.append(time.perf_counter())
            entry(window, "many")(menu)

        window.dialogs.expect(answer)
        window.user.click(button, at=(button.width() - 6, button.height() // 2))
        wait_until(lambda: session.cohort is not None, "an open cohort", 60)
        process_events(0.001)
        shown.append(time.perf_counter() - clicked[0])
        wait_until(lambda: len(window.rows()) == MANY and window.rows()[-1][0], "the last row", 60)
        complete.append(time.perf_counter() - clicked[0])
        session.closeCohort()
        process_events(0.5)
    write(desk, "opening", {"shown": shown, "complete": complete})


def selecting(desk: Desk) -> None:
    """Cases opened by a double click, and the same volumes read alone."""
    import slicer.util

    from Testing.bed.waiting import process_events, wait_until

    window = desk.window
    window.session.openCohort(desk.folder / "large")
    cases = window.session.cohort.cases()
    shown, read = [], []
    for row, case in enumerate(cases):
        began = time.perf_counter()
        window.user.click_cell(window.cohort.ui.caseView, row, 0, count=2)
        wait_until(lambda case=case: window.session.case.id == case.id, "the case", 60)
        process_events()
        shown.append(time.perf_counter() - began)
    for case in cases:
        began = time.perf_counter()
        slicer.util.loadVolume(str(case.image), {"show": False})
        read.append(time.perf_counter() - began)
    write(desk, "selecting", {"shown": shown, "read": read})


@contextmanager
def measured(desk: Desk) -> Iterator[PauseMeter]:
    """A meter of pauses here, and another one in a process with nothing to do."""
    from Testing.bed.pauses import PauseMeter

    file = desk.folder / "idle.json"
    idle = subprocess.Popen([sys.executable, "-m", NAME, "--idle", str(file)], cwd=REPOSITORY)
    try:
        with PauseMeter() as meter:
            yield meter
    finally:
        file.with_suffix(".stop").touch()
        idle.wait(60)


def be_idle(file: Path) -> None:
    """An event loop with nothing to do, until the stop file comes."""
    from Testing.bed.pauses import PauseMeter
    from Testing.bed.qt_application import qt_application
    from Testing.bed.waiting import wait_until

    application = qt_application()
    with PauseMeter() as meter:
        wait_until(file.with_suffix(".stop").exists, "the end", SECONDS)
    file.write_text(json.dumps({**pauses(meter), "load": os.getloadavg()[0]}))
    application.quit()


def pauses(meter: PauseMeter) -> dict[str, Any]:
    """Longest pause by the clock and by computing, in seconds, and how many were long."""
    computing = max(meter.pauses, key=lambda pause: pause.cpu_seconds, default=meter.longest)
    drawn = [pause for pause in meter.pauses if DRAWING in pause.stack]
    rest = [pause.seconds for pause in meter.pauses if DRAWING not in pause.stack]
    return {
        "longest": meter.longest.seconds,
        "longest_without_drawing": max(rest, default=0.0),
        "drawing_above_100_ms": sum(pause.seconds > 0.1 for pause in drawn),
        "computing": computing.cpu_seconds,
        "above_100_ms": sum(pause.seconds > 0.1 for pause in meter.pauses),
        "longest_in": meter.longest.stack,
        "computing_in": computing.stack,
    }


def write(desk: Desk, name: str, found: dict[str, Any]) -> None:
    """Keep what was measured."""
    (desk.folder / f"{name}.json").write_text(json.dumps(found, indent=1))


def prepare(folder: Path, data: Path) -> None:
    """Three cohorts: 20 hippocampus volumes with one label, 1,000 cases without voxels, left atria."""
    sys.path.insert(0, str(MODULE.parent))
    from Testing.gui.cohorts import make_cohort
    from Testing.module.test_cohort_imports import large_cohort

    folder.mkdir(parents=True)
    make_cohort(folder / "cohort", "Hippocampus", pairs_of(data / "hippocampus")[:CASES], labeled=1)
    make_cohort(folder / "large", "Left atrium", pairs_of(data / "left_atrium")[:LARGE], labeled=0)
    large_cohort(folder / "many", MANY)


def pairs_of(folder: Path) -> list[tuple[Path, Path]]:
    """Image and label of each case, by name."""
    return [(image, folder / "labels" / image.name) for image in sorted((folder / "images").glob("*.nii.gz"))]


def text_of(folder: Path, command: str) -> str:
    """The table."""
    found = {name: json.loads((folder / f"{name}.json").read_text()) for name in FUNCTIONS}
    idle = json.loads((folder / "idle.json").read_text())
    train, opened, selected = found["training"], found["opening"], found["selecting"]
    rest, drawn = train["longest_without_drawing"], train["drawing_above_100_ms"]
    without_reading = [a - b for a, b in zip(selected["shown"], selected["read"], strict=True)]
    rows = [
        ("longest pause during a training, by the clock", milliseconds(train["longest"]), "100 ms"),
        ("longest pause during a training, computing", milliseconds(train["computing"]), "100 ms"),
        ("longest pause that is not drawing, by the clock", milliseconds(rest), "100 ms"),
        ("pauses of more than 100 ms", f"{train['above_100_ms']}, of them drawing {drawn}", "0"),
        ("longest pause of a process with nothing to do meanwhile", milliseconds(idle["longest"]), ""),
        ("pauses of more than 100 ms of that process", str(idle["above_100_ms"]), ""),
        (f"opening {MANY} cases, first rows shown", spread(opened["shown"]), "2 s"),
        (f"opening {MANY} cases, all rows in the list", spread(opened["complete"]), ""),
        ("selecting a case of 10 MB, volume shown", spread(selected["shown"]), ""),
        ("the same without the time to read the volume", spread(without_reading), "1 s"),
    ]
    table = "\n".join(f"| {what} | {value} | {aim} |" for what, value, aim in rows)
    cores, load = os.cpu_count(), idle["load"]
    return f"""# How quickly the window answers

`{command}`

{cores} cores; load at the end of the training {load:.1f}, of which the training itself is {cores}. Training:
preset Preview, {CASES} hippocampus volumes, {train["seconds"]:.0f} s. Seconds are median (longest).

| what | measured | aim |
|---|---|---|
{table}
"""


def milliseconds(seconds: float) -> str:
    """As 12 ms."""
    return f"{seconds * 1000:.0f} ms"


def spread(seconds: list[float]) -> str:
    """Median and longest."""
    return f"{statistics.median(seconds):.2f} s ({max(seconds):.2f} s)"


FUNCTIONS = ("training", "opening", "selecting")


def main() -> None:
    """Measure, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help="folder with hippocampus and left_atrium")
    parser.add_argument("--work", type=Path, help="a new folder")
    parser.add_argument("--display", default="", help="X display (default: one of its own)")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--idle", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.idle:
        be_idle(options.idle)
        return
    prepare(options.work, options.data)
    for name in FUNCTIONS:
        sit(f"{NAME}:{name}", options.work, SECONDS, display=options.display)
    text = text_of(options.work, "python -m Testing.benchmarks.gui_responsiveness DATA --work WORK")
    sys.stdout.write(text)
    if options.output:
        write_atomic(options.output, text.encode())


if __name__ == "__main__":
    main()
