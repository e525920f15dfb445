"""What a run learns from is decided once: a resume goes on with it or says what is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from CFRTrain.labelers import verified_tensors, warped_pairs
from CFRTrain.labelers.atlas import AtlasLabeler
from CFRTrain.pipeline import Pipeline, run_all
from CFRTrain.runs.errors import DataError, JobError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.stages import retraining
from CFRTrain.stages.labeling import cache_of, label_stage, usable_cases
from Testing.engine.cohort import Cohort
from Testing.engine.tiny_run import tiny_run


def labeled(root, monkeypatch, failing: str | None = None) -> Pipeline:
    """A run through its label stage, in which the labeling of `failing` did not work."""
    pipeline = Pipeline(tiny_run(root, labeler="atlas"))
    pipeline.check()
    pipeline.prepare()
    with monkeypatch.context() as patch:
        patch.setattr(AtlasLabeler, "label", failing_for(failing))
        label_stage(pipeline.context)
    return pipeline


def failing_for(case: str | None):
    label = AtlasLabeler.label

    def maybe(self, case_id):
        if case_id == case:
            raise ValueError("it does not work today")
        return label(self, case_id)

    return maybe


def test_a_case_that_could_not_be_labeled_is_not_in_the_training_even_if_it_could_be_later(
    tmp_path, monkeypatch
):
    pipeline = labeled(tmp_path, monkeypatch, failing="case_0003")
    assert usable_cases(pipeline.context) == ("case_0002", "case_0004")
    seen = []
    monkeypatch.setattr(
        retraining, "_train_round", lambda context, index, unlabeled, *rest: seen.append(unlabeled)
    )
    again = Pipeline(pipeline.context.run)
    again.check()
    again.prepare()
    retraining.retrain_stage(again.context, again.label())
    assert seen == [("case_0002", "case_0004")]
    assert not cache_of(again.context, "atlas").has("case_0003")


def test_a_lost_pseudo_label_is_made_again(tmp_path, monkeypatch):
    pipeline = labeled(tmp_path, monkeypatch)
    cache = cache_of(pipeline.context, "atlas")
    before = cache.load("case_0003").probabilities
    cache.path("case_0003").unlink()
    label_stage(pipeline.context)
    assert np.array_equal(cache.load("case_0003").probabilities, before)


def test_a_pseudo_label_that_is_lost_for_good_ends_the_run_and_names_the_case(tmp_path, monkeypatch):
    pipeline = labeled(tmp_path, monkeypatch)
    cache_of(pipeline.context, "atlas").path("case_0003").unlink()
    monkeypatch.setattr(AtlasLabeler, "label", failing_for("case_0003"))
    with pytest.raises(DataError, match="gone") as caught:
        run_all(pipeline.context.run)
    assert (caught.value.case, caught.value.code) == ("case_0003", "pseudo_label_lost")
    assert not (tmp_path / "checkpoints" / "retrain").exists()


def test_an_image_that_vanishes_after_a_stop_changes_nothing(tmp_path):
    run = tiny_run(tmp_path, labeler="atlas")
    run.events.echo = lambda event: (
        run.request_stop() if (event["type"], event.get("step")) == ("checkpoint", 2) else None
    )
    with pytest.raises(StopRequested):
        run_all(run)
    run.events.echo = None
    (tmp_path / "images" / "case_0003.nii.gz").unlink()
    assert run_all(run)["status"] == "done"


def test_a_case_whose_image_and_prepared_copy_are_gone_is_named(tmp_path):
    run = tiny_run(tmp_path, labeler="atlas")
    pipeline = Pipeline(run)
    pipeline.check()
    pipeline.prepare()
    (tmp_path / "images" / "case_0003.nii.gz").unlink()
    (tmp_path / "store" / "case_0003" / "case.json").unlink()
    with pytest.raises(DataError) as caught:
        run_all(run)
    assert (caught.value.case, caught.value.code) == ("case_0003", "missing")


def test_pairs_are_those_that_the_run_began_with(tmp_path, monkeypatch):
    cohort = Cohort(tmp_path)
    atlas = AtlasLabeler(*cohort.arguments())
    transform = atlas.transform

    def lose(case: str | None) -> None:
        def maybe(target, labeled):
            if target == case:
                raise ValueError("it does not work today")
            return transform(target, labeled)

        monkeypatch.setattr(atlas, "transform", maybe)

    lose("case_0003")
    first = warped_pairs.pairs_from_atlas(atlas, cohort.ids, cohort.run)
    assert [target for _, target in first.combinations] == ["case_0002", "case_0004"]
    lose(None)
    second = warped_pairs.pairs_from_atlas(atlas, cohort.ids, cohort.run)
    assert second.combinations == first.combinations
    lose("case_0004")
    with pytest.raises(DataError, match="case_0004"):
        warped_pairs.pairs_from_atlas(atlas, cohort.ids, cohort.run)
    warnings = [e for e in read_events(tmp_path / "events.jsonl")[0] if e["type"] == "warning"]
    assert [event["code"] for event in warnings] == ["registration_failed"] * 2


def test_every_pseudo_label_is_read_once_for_labeling_and_review(tmp_path, monkeypatch):
    opened = Counter()
    safe_open = verified_tensors.safe_open

    def counting(path, **options):
        opened[Path(path).stem] += Path(path).parent.name == "atlas"
        return safe_open(path, **options)

    monkeypatch.setattr(verified_tensors, "safe_open", counting)
    run = tiny_run(tmp_path, labeler="atlas")
    for _ in range(2):  # made by the first start, found by the second
        pipeline = Pipeline(run)
        pipeline.check()
        pipeline.prepare()
        opened.clear()
        pipeline.label()
        assert [opened[case] for case in ("case_0002", "case_0003", "case_0004")] == [1, 1, 1]
    (tmp_path / "review" / "case_0003.nii.gz").unlink()
    pipeline.label()
    assert (tmp_path / "review" / "case_0003.nii.gz").is_file()


def test_a_damaged_list_is_not_guessed(tmp_path, monkeypatch):
    pipeline = labeled(tmp_path, monkeypatch)
    (tmp_path / "usable_cases.json").write_text('{"case_0002": 1}')
    with pytest.raises(JobError, match="usable_cases.json is damaged"):
        run_all(pipeline.context.run)
