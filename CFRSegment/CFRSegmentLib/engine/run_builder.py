"""A new run folder from a cohort: job.json and cases.json, without anything that names a patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .settings import TrainSettings


def buildRun(cohort: Any, settings: TrainSettings, onCpu: bool = True) -> Path:
    """Makes `runs/run_000N` of the cohort and returns it; nothing is started.

    cases.json holds neutral ids and paths into the cohort only: its images, and copies of the labels as they
    are now, inside the run, so that edits made during a training do not reach it. onCpu: the smaller network
    of the preset. Raises CohortError (read_only) or JobError.
    """
    raise NotImplementedError
