"""Three pseudo-labels, most uncertain first: rejected, corrected by hand, accepted."""

from __future__ import annotations

import numpy as np

from Testing.bed.waiting import process_events, wait_until
from Testing.gui.sitting import Desk
from Testing.gui.story.files import CLASSES, VOLUMES, true_label
from Testing.gui.strokes import Hand

CORRECTED_SLICES = 4  # of each class


def review(desk: Desk) -> None:
    """One key for each decision."""
    window, user, cohort = desk.window, desk.window.user, desk.window.session.cohort
    queue = [case.uncertainty for case in cohort.reviewQueue()]
    assert len(queue) == VOLUMES - 1 and queue == sorted(queue, reverse=True)
    window.session.showSection("review")
    process_events(0.3)
    user.key("n")
    desk.shot("12_review")
    user.key("x")
    wait_until(lambda: len(cohort.cases("rejected")) == 1, "the rejected case")
    user.key("c")
    correct_by_hand(desk)
    desk.shot("13_correcting")
    user.click(window.panel("review").ui.correctButton)
    wait_until(lambda: len(cohort.cases("corrected")) == 1, "the corrected case")
    desk.shot("14_corrected")
    user.key("a")
    wait_until(lambda: len(cohort.cases("accepted")) == 1, "the accepted case")
    desk.shot("15_reviewed")
    assert [record.action for record in cohort.history()] == ["accept", "correct", "reject", "label"]


def correct_by_hand(desk: Desk) -> None:
    """Draw what the true label has and the pseudo-label lacks, in the slices where that is most."""
    window = desk.window
    truth = true_label(desk.folder, window.session.case.current.title)
    hand = Hand(window)
    for value in CLASSES:
        lacking = (truth == value) & (window.voxels(value) == 0)
        lacking[np.argsort(lacking.sum(axis=(1, 2)))[:-CORRECTED_SLICES]] = False
        before = int(np.count_nonzero(window.voxels(value)))
        hand.choose("Paint", value)
        hand.draw(lacking)
        assert np.count_nonzero(window.voxels(value)) > before
    assert window.session.case.isModified
