"""Calibration: a labeler whose probabilities say how often it is right, measured on what it did not learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from CFRTrain.data.plan import Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.labelers.base import Labeler, PseudoLabel
from CFRTrain.labelers.held_out import (
    Build,
    HeldOut,
    of_augmented_copies,
    of_left_out_cases,
    remove_folds,
    voxels_of,
)
from CFRTrain.labelers.looks_labeler import answer, answers_images
from CFRTrain.labelers.temperatures import (
    brier_score,
    expected_calibration_error,
    fit_temperatures,
    tempered,
)
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import Job
from CFRTrain.runs.run_folder import RunFolder

LEFT_OUT, COPIES = "left-out cases", "augmented copies"
OPTIMISTIC = (
    "The probabilities of {} were calibrated on augmented copies of the only labeled case, which it has"
    " learned: they are still too certain. Two labeled cases make an honest calibration possible."
)
IMPOSSIBLE = (
    "The labeler {} cannot be calibrated on a single labeled case: its probabilities stay as they are."
)


class CalibratedLabeler:
    """A labeler with temperatures, which are found once and kept in calibration/<name>.json of the run.

    build makes the labeler anew from other labeled cases, with files of its own.
    """

    def __init__(
        self,
        labeler: Labeler,
        build: Build,
        store: CaseStore,
        labeled: Sequence[str],
        plan: Plan,
        job: Job,
        run: RunFolder,
    ) -> None:
        self.labeler, self.build, self.store, self.labeled = labeler, build, store, tuple(labeled)
        self.plan, self.job, self.run = plan, job, run
        self.name = labeler.name
        self._temperatures: np.ndarray | None = None

    def prepare(self) -> None:
        """Prepares the labeler, then finds its temperatures, or reads what an earlier start found."""
        self.labeler.prepare()
        if self._temperatures is None:
            self._temperatures = np.array(self._record()["temperatures"], float)

    def label(self, case_id: str) -> PseudoLabel:
        """The calibrated pseudo-label; a labeled case keeps its own label, certain."""
        pseudo = self.labeler.label(case_id)
        return pseudo if case_id in self.labeled else self._tempered(pseudo)

    def answer(self, image: np.ndarray, name: str) -> PseudoLabel:
        """The calibrated opinion on an image (z,y,x) that is no case; `name` tells it from others."""
        return self._tempered(answer(self.labeler, image, name))

    def _tempered(self, pseudo: PseudoLabel) -> PseudoLabel:
        self.prepare()
        return PseudoLabel(tempered(pseudo.probabilities, self._temperatures), pseudo.agreement)

    def _record(self) -> dict[str, Any]:
        name = f"calibration/{self.name}.json"
        if not (self.run.root / name).is_file():
            self.run.folder("calibration")
            self.run.write_json(name, self._measured())
            remove_folds(self.run, self.name, self.job.calibration.folds)
        found = self.run.read_json(name)
        classes = len(self.job.classes) + 1
        if not isinstance(found, dict) or len(found.get("temperatures") or ()) != classes:
            raise JobError("bad_calibration", f"{name} is damaged.", "Delete it; the engine makes it again.")
        return found

    def _measured(self) -> dict[str, Any]:
        """Temperatures and figures; all 1 where nothing could be measured, which a warning says."""
        source, held_out = self._held_out()
        classes = len(self.job.classes) + 1
        if held_out is None:
            self.run.events.warning("calibration_impossible", IMPOSSIBLE.format(self.name))
            return {"labeler": self.name, "temperatures": [1.0] * classes, "voxels": 0}
        if source == COPIES:
            self.run.events.warning("calibration_optimistic", OPTIMISTIC.format(self.name))
        per_class = self.job.calibration.temperature == "per_class"
        temperatures = fit_temperatures(*held_out, per_class)
        record = {
            "labeler": self.name,
            "source": source,
            "temperatures": [float(value) for value in temperatures],
            "voxels": len(held_out.labels),
            **_figures("before", held_out),
            **_figures("after", HeldOut(tempered(held_out.probabilities, temperatures), held_out.labels)),
        }
        self.run.events.calibration(**record)
        return record

    def _held_out(self) -> tuple[str, HeldOut | None]:
        options, data = self.job.calibration, (self.store, self.labeled)
        if len(self.labeled) > 1:
            opinions = of_left_out_cases(self.build, *data, options.folds, self.run, self.name)
            return LEFT_OUT, voxels_of(opinions)
        if not answers_images(self.labeler):
            return COPIES, None
        spacing, seed = self.plan.spacing_zyx, self.job.seed
        copies = of_augmented_copies(self._probabilities, *data, options.copies, spacing, seed)
        return COPIES, voxels_of(copies)

    def _probabilities(self, image: np.ndarray, name: str) -> np.ndarray:
        return answer(self.labeler, image, name).probabilities


def _figures(when: str, held_out: HeldOut) -> dict[str, float]:
    return {
        f"ece_{when}": round(expected_calibration_error(*held_out), 5),
        f"brier_{when}": round(brier_score(*held_out), 5),
    }
