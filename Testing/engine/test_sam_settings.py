"""SAM's settings in a job: what cannot work is refused before any case is touched, costs are estimated."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from CFRTrain.labelers.sam_choice import build_chosen, choose_sam
from CFRTrain.labelers.sam_model import parameter_count
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import ClassSpec, changed, job_from_json, job_to_json, preset
from CFRTrain.stages.checking import check_stage
from CFRTrain.stages.context import Context
from CFRTrain.stages.disk_space import disk_need
from CFRTrain.stages.sam_estimate import sam_cost
from Testing.engine.tiny_run import tiny_run

JOB = preset("preview", (ClassSpec(1, "a"),))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"finetune.strategy": "magic"}, "finetune.strategy: must be one of auto, lora"),
        ({"finetune.input": "spiral"}, "finetune.input: must be one of concatenated"),
        ({"finetune.axes": (1,)}, "finetune.axes: must be two or three different axes"),
        ({"finetune.axes": (0, 0)}, "finetune.axes: must be two or three different axes"),
        ({"finetune.axes": (0, 3)}, "finetune.axes: must be two or three different axes"),
        ({"finetune.adapter_blocks": (1, 1)}, "finetune.adapter_blocks: must be different blocks"),
        ({"finetune.adapter_blocks": (-1,)}, "finetune.adapter_blocks: must be different blocks"),
        ({"finetune.scale": 0}, "finetune.scale: must be 1 to 16"),
        ({"finetune.views": 0}, "finetune.views: must be 1 to 1000"),
        ({"finetune.pictures": -1}, "finetune.pictures: must be 0 or more"),
    ],
)
def test_an_impossible_value_names_its_place(changes, problem):
    with pytest.raises(JobError) as caught:
        changed(JOB, changes)
    assert problem in str(caught.value)


def test_the_new_values_survive_json_and_their_defaults_change_nothing():
    job = changed(JOB, {"finetune.input": "axes", "finetune.axes": (2, 0), "finetune.adapter_blocks": (0, 5)})
    assert job_from_json(job_to_json(job)) == job
    assert (JOB.finetune.strategy, JOB.finetune.input, JOB.finetune.pictures) == ("auto", "concatenated", 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"finetune.strategy": "adapter", "finetune.adapter_blocks": (6,)}, "no_such_block"),
        ({"finetune.input": "small", "finetune.canvas": 64}, "input_not_small"),
        ({"finetune.input": "scale", "finetune.scale": 16, "finetune.canvas": 64}, "scale_too_large"),
    ],
)
@pytest.mark.parametrize("user", [{"labeler": "sam"}, {"labeler": "none", "method": "mn", "mn.model": "sam"}])
def test_a_combination_that_cannot_work_is_an_error_of_the_check(tmp_path, changes, code, user):
    run = tiny_run(tmp_path, **user, **changes)
    with pytest.raises(JobError) as caught:
        check_stage(Context.open(run))
    assert caught.value.code == code


def test_the_estimate_follows_pictures_and_strategy(tmp_path):
    context = Context.open(tiny_run(tmp_path, labeler="sam", **{"finetune.steps": 100, "finetune.batch": 1}))
    check_stage(context)

    def cost(**options: object):
        context.job = replace(context.job, finetune=replace(context.job.finetune, **options))
        return sam_cost(context)

    all_slices = cost(input="slicewise", pictures=0)
    half = context.planned().patch_zyx[context.planned().slicing_axis] // 2
    drawn = cost(input="slicewise", pictures=half)
    assert drawn.finetune_seconds == pytest.approx(all_slices.finetune_seconds / 2)
    assert drawn.label_seconds == all_slices.label_seconds
    decoder = cost(strategy="decoder", pictures=0)
    assert decoder.finetune_seconds < all_slices.finetune_seconds / 5
    assert decoder.memory_bytes < all_slices.memory_bytes


@pytest.mark.parametrize("strategy", ["auto", "full", "lora", "lora_all", "adapter", "decoder"])
def test_the_estimate_counts_what_learns_and_the_views_that_are_kept(tmp_path, strategy):
    options = {"finetune.strategy": strategy, "finetune.views": 3, "finetune.input": "slicewise"}
    context = Context.open(tiny_run(tmp_path, labeler="sam", **options))
    check_stage(context)
    job, plan, found = context.job, context.planned(), sam_cost(context)
    sam, sam_input = build_chosen(choose_sam(job, tmp_path), job, plan)
    assert found.trainable == parameter_count(sam, trainable_only=True)
    pictures = sam_input.pictures(torch.zeros(1, 1, *sam_input.patch_zyx))
    with torch.no_grad():
        view = sam.embed(pictures[:1]).half().nbytes + sam_input.canvas**2
    kept = 3 * 1 * len(pictures) * view if strategy == "decoder" else 0
    assert found.view_bytes == disk_need(context)["embeddings"] == kept
    checkpoint = 12 * found.trainable
    assert disk_need(context)["checkpoints"] > 2 * checkpoint
