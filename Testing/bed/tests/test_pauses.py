"""The pause meter finds the longest time without a turn of the event loop, and says what took it."""

from __future__ import annotations

import time

from Testing.bed.pauses import PauseMeter
from Testing.bed.waiting import process_events


def block_for_200_milliseconds() -> None:
    time.sleep(0.2)


def compute_for_200_milliseconds() -> None:
    end = time.thread_time() + 0.2
    while time.thread_time() < end:
        pass


def test_an_idle_window_has_no_pause(qt_app):
    with PauseMeter() as meter:
        process_events(0.5)
    assert meter.longest.cpu_seconds < 0.05


def test_a_blocking_slot_is_measured_and_named(qt_app):
    import qt

    with PauseMeter() as meter:
        qt.QTimer.singleShot(20, block_for_200_milliseconds)
        process_events(0.5)
    assert 0.2 <= meter.longest.seconds < 0.5 and meter.longest.cpu_seconds < 0.1
    assert "block_for_200_milliseconds" in meter.longest.stack


def test_computing_counts_apart_from_waiting(qt_app):
    import qt

    with PauseMeter() as meter:
        qt.QTimer.singleShot(20, compute_for_200_milliseconds)
        process_events(0.6)
    assert meter.longest.cpu_seconds >= 0.2


def test_blocking_at_the_end_counts_too(qt_app):
    with PauseMeter() as meter:
        process_events(0.05)
        block_for_200_milliseconds()
    assert meter.longest.seconds >= 0.2


def test_all_long_pauses_are_kept(qt_app):
    import qt

    with PauseMeter() as meter:
        for start in (10, 300):
            qt.QTimer.singleShot(start, block_for_200_milliseconds)
        process_events(0.8)
    assert len([pause for pause in meter.pauses if pause.seconds >= 0.2]) == 2
