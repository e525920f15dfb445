"""The whole story: twenty volumes and one label become a model that segments the next volume with one click.

Three sittings, each the application in a process of its own (see `Testing.gui.sitting`), with real clicks and
keys. What must hold is asserted on the way; a screenshot is taken at each step.
"""

from __future__ import annotations

from Testing.gui.sitting import Desk
from Testing.gui.story.applying import load_scene, save_scene, segment_unseen
from Testing.gui.story.labeling import add_volumes, create_cohort, import_label, name_classes
from Testing.gui.story.reviewing import review
from Testing.gui.story.training import (
    check_second_run,
    close_window,
    follow,
    reattach,
    train,
    wait_for_model,
    window_stays_alive,
)


def label_and_train(desk: Desk) -> None:
    """The first sitting: a cohort, its classes, a label, a training; the window is closed meanwhile."""
    create_cohort(desk)
    add_volumes(desk)
    name_classes(desk)
    import_label(desk)
    train(desk, "06_before_training")
    follow(desk)
    close_window(desk)


def review_train_and_apply(desk: Desk) -> None:
    """The second sitting, in a new process: the run is there, its results are reviewed and used."""
    reattach(desk)
    wait_for_model(desk, "run_0001")
    desk.shot("11_trained")
    review(desk)
    train(desk, "16_before_training_again")
    with window_stays_alive():
        wait_for_model(desk, "run_0002")
    desk.shot("17_trained_again")
    check_second_run(desk)
    segment_unseen(desk)
    save_scene(desk)


def load_saved_scene(desk: Desk) -> None:
    """The third sitting, in a new process: the scene brings cohort, case and classes back."""
    load_scene(desk)
