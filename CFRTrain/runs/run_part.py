"""A part of a run that trains for itself: files of its own, one folder deeper. Standard library only.

Some work repeats a whole training within a run: without a held-out case, or with cases that joined later. Its
checkpoints, registrations and records must not mix with the run's own, while cases, stop requests and
warnings are the run's.
"""

from __future__ import annotations

import shutil

from CFRTrain.runs.cases_file import CaseEntry
from CFRTrain.runs.events import EventLog
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder


class RunPart(RunFolder):
    """The folder `name` ("calibration/sam_1") of a run, which a labeler may take for a run folder."""

    def __init__(self, run: RunFolder, name: str) -> None:
        super().__init__(run.folder(*name.split("/")))
        self.whole = run
        self.events = _PartEvents(run.events, name)

    def job(self) -> Job:
        """The run's job."""
        return self.whole.job()

    def cases(self) -> tuple[CaseEntry, ...]:
        """The run's cases."""
        return self.whole.cases()

    def stop_requested(self) -> bool:
        """Whether the run was asked to stop."""
        return self.whole.stop_requested()

    def require_free_space(self, needed_bytes: int, detail: str = "") -> None:
        """Raises DiskFullError as the run does."""
        self.whole.require_free_space(needed_bytes, detail)

    def remove(self) -> None:
        """Deletes the part's files once what was wanted of it is known."""
        shutil.rmtree(self.root, ignore_errors=True)


class _PartEvents(EventLog):
    """Progress and warnings go to the run's events, under the part's name; the rest stays in the part."""

    def __init__(self, events: EventLog, name: str) -> None:
        super().__init__(events.path.parent.joinpath(*name.split("/")))
        self._whole, self._name = events, name.rpartition("/")[2]

    def progress(self, stage: str, step: int, of: int, seconds_left: float | None = None) -> None:
        """Passed on; `stage` is the part's name and the stage's."""
        self._whole.progress(f"{self._name} {stage}", step, of, seconds_left)

    def warning(self, code: str, text: str) -> None:
        """Passed on."""
        self._whole.warning(code, text)
