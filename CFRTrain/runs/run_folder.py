"""The run folder: the only thing that viewer and engine share. Standard library only.

job.json cases.json          what to do
events.jsonl metrics.jsonl   what is happening
engine.log lock stop         the engine's log, its lock, a request to stop
checkpoints/ results.json    what came out; results.json is written last: without it a run is not finished
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import disk_full, file_sha256, remove_file, sync_folder, write_atomic
from CFRTrain.runs.cases_file import CaseEntry, read_cases
from CFRTrain.runs.engine_log import engine_log
from CFRTrain.runs.errors import JobError, StopRequested
from CFRTrain.runs.events import EventLog
from CFRTrain.runs.job import Job, job_from_json
from CFRTrain.runs.lock import hold_lock

RESULTS_FORMAT = 1
FREE_SPACE_MARGIN = 64 << 20  # left free beside what is asked for, for logs and the system


class RunFolder:
    """One execution of the pipeline on disk."""

    def __init__(self, root: Path, disk_usage: Callable[[Path], Any] = shutil.disk_usage) -> None:
        self.root = Path(root)
        self.events = EventLog(self.root)
        self._disk_usage = disk_usage

    def job(self) -> Job:
        """The job. Raises JobError naming the field that is wrong."""
        return job_from_json(self.text("job.json"))

    def cases(self) -> tuple[CaseEntry, ...]:
        """The case list, paths resolved against the run folder. Raises JobError."""
        return read_cases(self.root / "cases.json")

    def folder(self, *parts: str) -> Path:
        """A folder inside the run, made where it is missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for one engine. Raises LockedError where another living process has it."""
        with hold_lock(self.root / "lock"):
            yield

    @contextmanager
    def log(self) -> Iterator[None]:
        """Sends the engine's log records and warnings to engine.log, without paths, while the block runs."""
        with engine_log(self.root):
            yield

    def request_stop(self) -> None:
        """Asks the engine to stop at its next step, with a checkpoint."""
        (self.folder() / "stop").touch()

    def clear_stop(self) -> None:
        """Forgets a stop request."""
        remove_file(self.root / "stop")

    def stop_requested(self) -> bool:
        """Whether a stop was asked for."""
        return (self.root / "stop").exists()

    def raise_if_stopped(self) -> None:
        """Raises StopRequested where a stop was asked for."""
        if self.stop_requested():
            raise StopRequested()

    def require_free_space(self, needed_bytes: int, detail: str = "") -> None:
        """Raises DiskFullError where fewer than `needed_bytes` and a margin are free; `detail`: what for."""
        folder = self.root.absolute()
        while not folder.exists():
            folder = folder.parent
        free, needed = self._disk_usage(folder).free, needed_bytes + FREE_SPACE_MARGIN
        if free < needed:
            raise disk_full(f"{needed / 2**20:.0f} MiB are needed{detail}, {free / 2**20:.0f} MiB are free.")

    def write_json(self, name: str, content: Any) -> None:
        """Writes one JSON file of the run atomically."""
        write_atomic(self.root / name, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """One JSON file of the run. Raises JobError where it is missing or broken."""
        try:
            return json.loads(self.text(name))
        except (ValueError, RecursionError) as error:
            raise JobError(
                "bad_json", f"{name} is not JSON.", "Delete it; the engine makes it again."
            ) from error

    def meaning(self, name: str) -> str:
        """SHA-256 of what a JSON file of the run says, however it is laid out. Raises as `read_json`.

        Of the file, not of what this version of the program makes of it: a field that a later version adds
        must not look like a change.
        """
        text = json.dumps(self.read_json(name), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def frozen(self, name: str, found: Sequence[str]) -> tuple[str, ...]:
        """What `found` was when this run first asked for the list `name`, whatever it is now.

        Trainings that go on must learn from what they began with. Raises JobError where the file is broken.
        """
        if not (self.root / name).is_file():
            self.write_json(name, list(found))
        kept = self.read_json(name)
        if not isinstance(kept, list) or not all(isinstance(item, str) for item in kept):
            raise JobError("bad_list", f"{name} is damaged.", "Make a new run: what this one used is lost.")
        return tuple(kept)

    def results(self) -> dict[str, Any] | None:
        """What came out, or None for a run that has not finished."""
        if not (self.root / "results.json").is_file():
            return None
        found = self.read_json("results.json")
        return found if isinstance(found, dict) and found.get("format") == RESULTS_FORMAT else None

    def write_results(self, results: Mapping[str, Any], files: Mapping[str, Path] | None = None) -> None:
        """Writes results.json, the manifest, last of all; `files` are listed with their SHA-256."""
        listed = {
            name: {"path": path.relative_to(self.root).as_posix(), "sha256": file_sha256(path)}
            for name, path in (files or {}).items()
        }
        self.write_json("results.json", {"format": RESULTS_FORMAT, **results, "files": listed})

    def text(self, name: str) -> str:
        """The text of one file of the run. Raises JobError where it cannot be read."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise JobError(
                "unreadable", f"{name} cannot be read.", "Check that the run folder is complete."
            ) from error


__all__ = ["RunFolder", "file_sha256", "sync_folder", "write_atomic"]
