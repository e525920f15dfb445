"""The decoder on kept embeddings: the encoder runs once per view, a kill or a broken file changes no bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from CFRTrain.labelers.decoder_stage import DecoderStage
from CFRTrain.labelers.embedding_cache import EmbeddedView, EmbeddingCache
from CFRTrain.labelers.sam_input import choose_input
from CFRTrain.labelers.sam_model import SamArchitecture, build_sam
from CFRTrain.labelers.strategies import STRATEGIES
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import StopRequested
from CFRTrain.runs.job import FineTune
from CFRTrain.training.loop import train
from Testing.engine.cohort import Cohort

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)


def make_stage(cohort: Cohort, kind: str = "concatenated", **options: object) -> DecoderStage:
    sam_input = choose_input(kind, (16, 16, 16), 0, 0, "token", TINY.token)
    sam = build_sam(TINY, 2, sam_input.canvas, seed=0)
    finetune = replace(FineTune(steps=6, warmup=2, views=3), **options)
    STRATEGIES["decoder"].prepare(sam, finetune, seed=0)
    data = (cohort.store, cohort.labeled, (1.0, 1.0, 1.0))
    cache = EmbeddingCache(cohort.run.root / "embeddings", {"seed": "3"})
    return DecoderStage(sam, sam_input, *data, finetune, 3, torch.device("cpu"), cache=cache)


def count_passes(stage: DecoderStage) -> list[int]:
    """Grows by the number of pictures whenever the encoder runs."""
    passes, encoder = [], stage.sam.image_encoder
    encoder.register_forward_hook(lambda module, given, found: passes.append(len(found)))
    return passes


def test_the_encoder_runs_once_per_view_whatever_the_steps(tmp_path):
    stage = make_stage(Cohort(tmp_path, labeled=2), batch=2)
    passes = count_passes(stage)
    for step in range(20):
        stage.step(step)
    assert len(passes) == 2 * 3
    assert len(list((tmp_path / "embeddings").iterdir())) == 6
    again = make_stage(Cohort(tmp_path, labeled=2), batch=2)
    passes = count_passes(again)
    again.step(0)
    assert not passes


def test_answers_are_those_of_the_whole_sam_on_the_views_pictures(tmp_path):
    stage = make_stage(Cohort(tmp_path), batch=1, views=1)
    seen = []
    stage.sam.image_encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    logits, targets = stage.answer(0)
    with torch.no_grad():
        expected = stage.sam(seen[0])
    assert torch.allclose(logits, expected, atol=0.1 * float(expected.std()))
    assert logits.shape[2:] == targets.shape[1:] and set(targets.unique().tolist()) <= {0, 1, 2, 255}


def test_views_differ_and_depend_on_seed_case_and_number_alone(tmp_path):
    (tmp_path / "again").mkdir()
    stage, again = make_stage(Cohort(tmp_path, labeled=2)), make_stage(Cohort(tmp_path / "again", labeled=2))
    again.step(4)
    views = [stage.view(case, number) for case in stage.labeled for number in range(2)]
    for index, view in enumerate(views):
        other = again.view(stage.labeled[index // 2], index % 2)
        assert np.array_equal(view.embeddings, other.embeddings)
        assert not any(np.array_equal(view.embeddings, one.embeddings) for one in views[:index])


def test_a_broken_file_is_made_again_to_the_same_bits(tmp_path):
    cohort = Cohort(tmp_path)
    view = make_stage(cohort).view("case_0001", 1)
    file = tmp_path / "embeddings" / "case_0001-0001.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    stage = make_stage(cohort)
    passes = count_passes(stage)
    again = stage.view("case_0001", 1)
    assert passes and np.array_equal(view.embeddings, again.embeddings)
    assert np.array_equal(view.targets, again.targets)


def test_memory_is_bounded_and_what_left_it_is_read_from_disk(tmp_path):
    made = []

    def make(number: int) -> EmbeddedView:
        made.append(number)
        return EmbeddedView(np.full((1, 8, 4, 4), number, np.float16), np.zeros((1, 16, 16), np.uint8))

    cache = EmbeddingCache(tmp_path / "views", {}, memory_bytes=2 * (8 * 16 * 2 + 256))
    for number in (0, 1, 2, 0, 1, 2):
        found = cache.view("case_0001", number, lambda number=number: make(number))
        assert (found.embeddings == number).all()
        assert sum(view.nbytes for view in cache._kept.values()) <= cache.memory_bytes
    assert made == [0, 1, 2]
    cache.clear()
    assert not (tmp_path / "views").exists()


@pytest.mark.parametrize("kind", ["concatenated", "slicewise"])
def test_a_stopped_training_that_lost_its_embeddings_goes_on_to_the_same_bits(tmp_path, kind):
    cohorts = [Cohort(tmp_path / name) for name in ("whole", "stopped") if not (tmp_path / name).mkdir()]
    options = {"kind": kind, "pictures": 5}
    whole = make_stage(cohorts[0], **options)
    train(whole, cohorts[0].run, checkpoint_every=2, log_every=2)
    run, asked = cohorts[1].run, []
    answer = run.stop_requested
    run.stop_requested = lambda: asked.append(0) or len(asked) > 3
    with pytest.raises(StopRequested):
        train(make_stage(cohorts[1], **options), run, checkpoint_every=2, log_every=2)
    run.stop_requested = answer
    shutil.rmtree(Path(run.root) / "embeddings")
    resumed = make_stage(cohorts[1], **options)
    train(resumed, run, checkpoint_every=2, log_every=2)
    assert weights_hash(resumed.sam) == weights_hash(whole.sam)
    assert weights_hash(whole.sam) != weights_hash(make_stage(cohorts[0], **options).sam)
