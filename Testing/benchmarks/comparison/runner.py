"""Runs cells: each a process over a run folder, resumed where it was interrupted, never repeated."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from CFRTrain.runs.job import Job, changed
from CFRTrain.runs.presets import ON_CPU, PRESETS
from CFRTrain.runs.run_folder import RunFolder
from Testing.benchmarks.comparison.rows import Row, failed_row, finished_row
from Testing.benchmarks.comparison.shared_labels import CLOCK, labeled_facts, labels_key, share
from Testing.benchmarks.comparison.table import Cell, Table
from Testing.benchmarks.fixed_splits import DATASETS, Dataset, python_over, write_run

ORIGIN = "origin.json"  # where a run came from, beside its job


@dataclass
class Runner:
    """Makes rows out of cells. Safe on several threads.

    data: folder of the data sets. work: where run folders are kept. commit, machine: written into every row.
    """

    table: Table
    data: Path
    work: Path
    threads: int
    commit: str
    machine: str
    datasets: Mapping[str, Dataset] = field(default_factory=lambda: DATASETS)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._active: set[Path] = set()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    def stop(self) -> None:
        """Asks what is running to stop with a checkpoint; nothing more is begun."""
        self._stopping.set()
        for folder in list(self._active):
            RunFolder(folder).request_stop()

    def folder(self, cell: Cell) -> Path:
        """A cell's run folder. Other settings are another folder: their results are never mixed."""
        return self.work / "runs" / f"{cell.folder_name}_{self.settings(cell)}"

    def settings(self, cell: Cell) -> str:
        """Digest of what presets and table tell a cell's run, whatever its seed."""
        item, budget = cell.configuration, self.table.budgets.get(cell.budget)
        name = budget.preset if budget else item.preset or item.name
        given = {**PRESETS[name], **ON_CPU.get(name, {}), **(budget.job if budget else {}), **item.job}
        text = json.dumps([given, item.method, budget.on_cpu if budget else True], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def finished(self, cell: Cell) -> Row | None:
        """The row of a cell that was run before, or None."""
        run = RunFolder(self.folder(cell))
        if run.results() is None or not (run.root / ORIGIN).is_file():
            return None
        return finished_row(cell, run, run.read_json(ORIGIN))

    def run(self, cell: Cell) -> Row | None:
        """The row of a cell, run or resumed where it has to be; None where the runner was stopped."""
        row = self.finished(cell)
        if row is not None or self._stopping.is_set():
            return row
        folder = self.folder(cell)
        job = changed(self.table.job(cell, self._dataset(cell).classes), {"threads": self.threads})
        self._make(folder, cell, job)
        origin = RunFolder(folder).read_json(ORIGIN)
        if job.labeler != "none":
            labels = self._labels(cell, job)
            if isinstance(labels, str):
                return None if self._stopping.is_set() else failed_row(cell, labels, origin)
            share(labels, folder)
            origin |= self._costs(labels)
        else:
            origin |= self._share_prepared(cell, folder)
        self._process(folder, "CFRTrain", "run")
        origin |= {"device": _device(folder), "load": _load()}
        RunFolder(folder).write_json(ORIGIN, origin)
        return self.finished(cell) or (
            None if self._stopping.is_set() else failed_row(cell, _failure(folder), origin)
        )

    def _dataset(self, cell: Cell) -> Dataset:
        return self.datasets[cell.dataset]

    def _make(self, folder: Path, cell: Cell, job: Job) -> None:
        """Writes a new run folder. One that another version of the program began is begun anew."""
        run = RunFolder(folder)
        if (folder / ORIGIN).is_file():
            if run.read_json(ORIGIN)["commit"] == self.commit:
                return
            shutil.rmtree(folder)
        write_run(folder, self.data, self._dataset(cell), range(cell.labels), job)
        origin = {"commit": self.commit, "machine": self.machine, "settings": self.settings(cell)}
        run.write_json(ORIGIN, origin)

    def _labels(self, cell: Cell, job: Job) -> Path | str:
        """The folder with the cell's pseudo-labels, made where there is none yet; what went wrong else."""
        key = f"{cell.dataset}_{cell.labels}_seed{cell.seed}_{job.labeler}_{labels_key(job)}"
        folder = self.work / "labels" / key
        with self._guard:
            lock = self._locks[key]
        with lock:
            self._make(folder, cell, changed(job, {"method": "self_training"}))
            if labeled_facts(folder) is None:
                self._reuse_registrations(cell, folder)
                code = self._process(folder, "Testing.benchmarks.comparison.label_once")
                if labeled_facts(folder) is None:
                    return f"labeling ended with exit code {code}: {_failure(folder)}"
        return folder

    def _reuse_registrations(self, cell: Cell, folder: Path) -> None:
        """Takes registrations of the same cases over from another seed or labeler, with what they cost."""
        for other in self._labeled_folders(cell):
            known = (folder / CLOCK).is_file() or not (other / CLOCK).is_file()
            if not known and share(other, folder):
                RunFolder(folder).write_json(CLOCK, RunFolder(other).read_json(CLOCK))

    def _share_prepared(self, cell: Cell, folder: Path) -> dict[str, Any]:
        """Prepared volumes for a run without labels; what they cost."""
        for other in self._labeled_folders(cell)[:1]:
            share(other, folder)
            return {"shared_seconds": {"prepare": (labeled_facts(other) or {})["seconds"]["prepare"]}}
        return {}

    def _labeled_folders(self, cell: Cell) -> list[Path]:
        """Complete folders of labels for the same labeled cases, made by this version."""
        folders = (self.work / "labels").glob(f"{cell.dataset}_{cell.labels}_seed*")
        complete = (path for path in folders if labeled_facts(path) is not None)
        return sorted(path for path in complete if RunFolder(path).read_json(ORIGIN)["commit"] == self.commit)

    def _costs(self, labels: Path) -> dict[str, Any]:
        facts = labeled_facts(labels) or {}
        return {
            "shared_seconds": facts["seconds"],
            "pseudo_dice": facts["pseudo_dice"],
            "labels_peak_memory_bytes": facts["peak_memory_bytes"],
        }

    def _process(self, folder: Path, *command: str) -> int:
        self._active.add(folder)
        try:
            return 130 if self._stopping.is_set() else python_over(folder, self.threads, *command)
        finally:
            self._active.discard(folder)


def _events(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Events of one type that a run has written; a torn last line is left out."""
    path, found = folder / "events.jsonl", []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("type") == kind:
            found.append(event)
    return found


def _device(folder: Path) -> str:
    started = _events(folder, "started")
    return started[-1]["device"] if started else ""


def _failure(folder: Path) -> str:
    """Why a run ended, as it says itself, or the last line it printed."""
    errors = _events(folder, "error")
    if errors:
        return f"{errors[-1].get('code')}: {errors[-1].get('text')}"
    log = folder / "stdout.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), "it ended without a word")[:300]


def _load() -> float | None:
    return round(os.getloadavg()[2], 1) if hasattr(os, "getloadavg") else None
