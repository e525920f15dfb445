"""What every stage of a run shares, and the clock that times them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from CFRTrain.data.cases import Case, cases_from
from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.stages.memory import peak_memory_bytes

PLANAR_RECORD = "planar_model.json"  # of a run whose method trains a 2D model, too
STAGES = ("check", "prepare", "label", "retrain", "evaluate", "finish")


@dataclass
class Context:
    """One run: its folder, job and cases; `plan` is there once the check stage has been through."""

    run: RunFolder
    job: Job
    cases: tuple[Case, ...]
    plan: Plan | None = None
    store: CaseStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = CaseStore(self.run.folder("store"))

    @classmethod
    def open(cls, run: RunFolder) -> Context:
        """Reads job.json and cases.json. Raises JobError for either."""
        return cls(run, run.job(), cases_from(run.cases()))

    def ids(self, *roles: str) -> tuple[str, ...]:
        """Ids of the cases that have one of `roles`, in the order of cases.json."""
        return tuple(case.id for case in self.cases if case.role in roles)

    def planned(self) -> Plan:
        """The plan. A programming error, not a user's, before the check stage."""
        if self.plan is None:
            raise RuntimeError("the check stage comes first")
        return self.plan


@contextmanager
def timed_stage(context: Context, name: str) -> Iterator[None]:
    """Announces the stage and adds its seconds and the process's peak memory to timings.json.

    Seconds add up over resumes; what a killed process had spent in its last stage is not counted.
    """
    context.run.events.stage(name, STAGES.index(name) + 1, len(STAGES))
    start = time.monotonic()
    try:
        yield
    finally:
        timings = read_timings(context.run)
        before = timings.get(name, {"seconds": 0.0, "peak_memory_bytes": 0})
        timings[name] = {
            "seconds": round(before["seconds"] + time.monotonic() - start, 2),
            "peak_memory_bytes": max(before["peak_memory_bytes"], peak_memory_bytes()),
        }
        context.run.write_json("timings.json", timings)


def read_timings(run: RunFolder) -> dict[str, dict[str, float]]:
    """Seconds and peak memory per stage so far; empty before the first stage has ended."""
    return run.read_json("timings.json") if (run.root / "timings.json").is_file() else {}
