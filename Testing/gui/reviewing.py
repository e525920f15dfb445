"""What a reviewer does in the section Review, and what is seen there."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from Testing.bed.pythonqt import unwrap
from Testing.bed.waiting import process_events


class Reviewing:
    """The section Review of a window."""

    def __init__(self, window) -> None:
        self.window, self.user, self.session = window, window.user, window.session

    @property
    def panel(self):
        return self.window.panel("review")

    @property
    def ui(self):
        return self.panel.ui

    @property
    def cohort(self):
        return self.session.cohort

    def key(self, key: str) -> None:
        """Press a key with the focus on nothing in particular."""
        self.user.key(key, self.window.bed.window)
        process_events(0.2)

    def status(self, case_id: str) -> str:
        return self.cohort.case(case_id).status.value

    def message(self) -> str:
        return self.window.text(self.panel.message)

    def rows(self) -> list[tuple[str, str]]:
        """Title and uncertainty of each row of the queue."""
        model = unwrap(self.ui.queueView).model()
        return [
            tuple(str(model.index(row, column).data() or "") for column in (0, 1))
            for row in range(model.rowCount())
        ]

    def queue(self) -> list[str]:
        return [case.id for case in self.cohort.reviewQueue()]

    def labels(self) -> dict[str, str]:
        """The hash of every label file of the cohort."""
        files = sorted(self.cohort.labelsFolder.iterdir())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def records(self) -> list[dict]:
        lines = (self.cohort.folder / "reviews.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def paint(self) -> np.ndarray:
        """A stroke of the brush; gives the voxels of the first class before it."""
        before = self.window.voxels(1).copy()
        self.window.paint(1)
        process_events(0.2)
        return before

    def press(self, text: str) -> None:
        buttons = [button for button in self.panel.message._actions if button.text == text]
        assert buttons, [button.text for button in self.panel.message._actions]
        self.user.click(buttons[0])
        process_events(0.2)


@pytest.fixture
def review(window, trained_cohort) -> Reviewing:
    """The section Review; five pseudo-labels wait."""
    window.session.openCohort(trained_cohort)
    for name in ("cohort", "annotate", "train", "apply"):
        window.widget.sections.section(name).collapsed = True
    window.session.showSection("review")
    process_events(0.3)
    return Reviewing(window)
