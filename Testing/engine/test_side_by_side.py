"""Work side by side: results in order, bounded, and nothing begun after a stop."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from CFRTrain.labelers import atlas
from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.labelers.side_by_side import AHEAD, side_by_side
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.events import read_events
from Testing.engine.cohort import Cohort


def test_results_come_in_the_order_of_the_items_whatever_takes_longer():
    with side_by_side(lambda item: time.sleep(0.02 * (item == 0)) or item * 10, range(6), 3) as found:
        assert [(item, future.result()) for item, future in found] == [(k, 10 * k) for k in range(6)]


def test_as_many_items_as_threads_are_worked_on_at_once():
    meeting = threading.Barrier(3, timeout=10)  # passes only when three are there together
    with side_by_side(lambda _: meeting.wait(), range(3), 3) as found:
        assert sorted(future.result() for _, future in found) == [0, 1, 2]


def test_items_are_drawn_only_as_they_are_needed():
    drawn = []
    with side_by_side(lambda item: item, (drawn.append(k) or k for k in range(1000)), 2) as found:
        next(found)
        assert len(drawn) == 2 * AHEAD


def test_an_error_in_the_block_lets_what_has_begun_finish_and_begins_nothing_else():
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.05)
        return item

    with pytest.raises(StopRequested), side_by_side(work, range(100), 2) as found:
        next(found)[1].result()
        raise StopRequested()
    assert len(begun) <= 2 * AHEAD


@pytest.mark.parametrize("threads", [1, 3])
def test_all_targets_are_registered_with_the_same_bits_on_any_number_of_threads(tmp_path, threads):
    cohort = Cohort(tmp_path, count=5, labeled=2)
    labeler = AtlasLabeler(*cohort.arguments())
    labeler._threads = threads
    labeler.prepare()
    for target in cohort.ids[2:]:
        for labeled in labeler.closest(target):
            kept = labeler.transforms.get(target, labeled)
            alone = labeler._register(labeler._pair(target, labeled))
            assert len(kept) == len(labeler.options.ways)
            for one, two in zip(kept, alone, strict=True):
                assert np.array_equal(one.displacement, two.displacement)
                assert np.array_equal(one.affine, two.affine)


@pytest.mark.parametrize(
    ("free", "shape", "most"),
    [(8 << 30, (35, 50, 35), 280), (8 << 30, (88, 300, 300), 9), (1 << 30, (400, 512, 512), 1)],
)
def test_no_more_registrations_are_side_by_side_than_memory_holds(tmp_path, monkeypatch, free, shape, most):
    monkeypatch.setattr(atlas, "memory_bytes", lambda: (free, free))
    assert atlas.most_side_by_side(shape) == most


def test_registering_goes_on_after_a_stop_and_reports_progress(tmp_path, monkeypatch):
    cohort = Cohort(tmp_path, count=6)
    labeler = AtlasLabeler(*cohort.arguments())
    labeler._threads, made = 1, []
    register = labeler._register

    def stopping(pair):
        made.append(pair.target)
        if pair.target == "case_0003":
            cohort.run.request_stop()
        return register(pair)

    monkeypatch.setattr(labeler, "_register", stopping)
    with pytest.raises(StopRequested):
        labeler.prepare()
    assert len(made) < 5 and all(labeler.transforms.get(case, "case_0001") for case in made)
    cohort.run.clear_stop()
    labeler.prepare()
    assert sorted(made) == cohort.ids[1:]
    steps = [event for event in read_events(tmp_path / "events.jsonl")[0] if event["type"] == "progress"]
    assert (steps[-1]["stage"], steps[-1]["step"], steps[-1]["of"]) == ("registration", 5, 5)


def test_a_case_that_cannot_be_registered_does_not_end_the_others(tmp_path):
    cohort = Cohort(tmp_path, count=4)
    (tmp_path / "store" / "case_0003" / "image.npy").write_bytes(b"damaged")
    labeler = AtlasLabeler(*cohort.arguments())
    labeler.store._cache.clear()
    labeler.prepare()
    assert labeler.transforms.get("case_0004", "case_0001") is not None
    assert labeler.transforms.get("case_0003", "case_0001") is None
