"""Runs the comparison and writes its page after each run.

    python -m Testing.benchmarks.comparison DATA --work FOLDER [--rounds N] [--only NAME,...]

DATA as in Testing/benchmarks/README.md. A finished run is never repeated, nor one that the table has with the
same settings, unless with `--again`; an interrupted one goes on, a failed one is tried again. `--list` says
what there is to do, `--report` only writes the page, `--add` merges rows that another machine made. Ctrl-C or
SIGTERM stops after a checkpoint.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import LockedError
from CFRTrain.runs.lock import hold_lock
from Testing.benchmarks.comparison.page import write_page
from Testing.benchmarks.comparison.rows import Row, merged, read_rows, write_rows
from Testing.benchmarks.comparison.runner import Runner
from Testing.benchmarks.comparison.table import TABLE, Cell, Table, read_table

REPOSITORY = Path(__file__).resolve().parents[3]
RESULTS = Path(__file__).resolve().parents[1] / "results" / "comparison"
DONE, IN_TABLE, TO_DO = "done", "in the table", "to do"


def commit() -> str:
    """The commit that is checked out, with a + where files differ from it; empty without git."""
    try:
        head = _git("rev-parse", "--short=10", "HEAD").strip()
        return head + "+" * bool(_git("status", "--porcelain", "--untracked-files=no", "CFRTrain").strip())
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout


def machine() -> str:
    """Processor, cores, system, as far as the system tells; nothing that names the machine."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    bfloat16 = any("bf16" in line for line in lines if line.startswith("flags"))
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores{', bfloat16' if bfloat16 else ''}, {platform.system()}"


def chosen_cells(table: Table, options: argparse.Namespace) -> list[Cell]:
    """The cells that the command line asks for, in the table's order."""
    wanted = [name for name in options.only.split(",") if name]
    first = table.rounds[: options.rounds] if options.rounds else table.rounds
    places = {(dataset, labels, seed) for dataset, labels, seed, _ in first}
    return [
        cell
        for cell in table.cells(options.budget)
        if (cell.dataset, cell.labels, cell.seed) in places
        and (not wanted or cell.configuration.name in wanted)
        and (not options.dataset or cell.dataset == options.dataset)
    ]


def finished_rows(runner: Runner, cells: Iterable[Cell]) -> list[Row]:
    """Rows of the cells that the work folder has finished."""
    return [row for row in map(runner.finished, cells) if row is not None]


def state_of(runner: Runner, cell: Cell, rows: Mapping[tuple[Any, ...], Row]) -> str:
    """`done` in the work folder, `in the table` with the same settings, `to do`, or why it cannot be run."""
    if cell.configuration.missing:
        return cell.configuration.missing
    if runner.finished(cell) is not None:
        return DONE
    row = rows.get(cell.key)
    is_there = row is not None and row.status == "done" and row.settings == runner.settings(cell)
    return IN_TABLE if is_there else TO_DO


def table_rows(options: argparse.Namespace) -> dict[tuple[Any, ...], Row]:
    """The rows that need not be run again, by key: those of the output folder; none with `--again`."""
    return {} if options.again else {row.key: row for row in read_rows(options.output / "runs.json")}


def run_cells(runner: Runner, cells: list[Cell], options: argparse.Namespace, table: Table) -> None:
    """Runs what is not finished, several side by side, and writes rows and page after each."""
    rows = table_rows(options)
    waiting = [cell for cell in cells if state_of(runner, cell, rows) == TO_DO]
    with ThreadPoolExecutor(options.side_by_side) as pool:
        for done in as_completed([pool.submit(runner.run, cell) for cell in waiting]):
            row = done.result()
            if row is not None:
                dice = "failed" if row.dice is None else f"{row.dice:.4f}"
                sys.stdout.write(f"{dice} {row.total_seconds:6.0f} s  {' '.join(map(str, row.key))}\n")
                sys.stdout.flush()
                write_outputs(options.output, table, options.budget, [row])


def write_outputs(folder: Path, table: Table, budget: str, rows: Iterable[Row]) -> None:
    """Adds rows to those in the folder, and writes runs.json, comparison.html and comparison.md anew."""
    every = merged(read_rows(folder / "runs.json"), rows)
    write_rows(folder / "runs.json", every)
    write_page(folder, table, budget, every)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--budget", default="two_cores", help="of table.toml")
    parser.add_argument("--rounds", type=int, default=0, help="only the first N, default all")
    parser.add_argument("--dataset", default="", help="only this one")
    parser.add_argument("--only", default="", help="names of configurations")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--side-by-side", type=int, default=1, help="runs at once")
    parser.add_argument("--again", action="store_true", help="run also what the table has from elsewhere")
    parser.add_argument("--list", action="store_true", help="say what there is to do, and run nothing")
    parser.add_argument("--add", type=Path, action="append", default=[], help="runs.json of another machine")
    parser.add_argument("--report", action="store_true", help="write the page, and run nothing")
    return parser.parse_args()


def main() -> None:
    """Lists, reports or runs."""
    options = parse_options()
    table = read_table(options.table)
    runner = Runner(
        table, options.data.resolve(), options.work.resolve(), options.threads, commit(), machine()
    )
    cells = chosen_cells(table, options)
    if options.list:
        rows = table_rows(options)
        for cell in cells:
            sys.stdout.write(f"{state_of(runner, cell, rows):12} {cell.folder_name}\n")
        return
    others = [row for path in options.add for row in read_rows(path)]
    write_outputs(options.output, table, options.budget, [*others, *finished_rows(runner, cells)])
    if not options.report:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: runner.stop())
        options.work.mkdir(parents=True, exist_ok=True)
        try:
            with hold_lock(options.work / "lock"):
                run_cells(runner, cells, options, table)
        except LockedError as error:
            raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
