"""Fine-tuning: batches from (seed, step), the paper's loss and schedule, small checkpoints, exact resume."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from CFRTrain.labelers.concatenation import IGNORE
from CFRTrain.labelers.finetuning import FineTuneStage
from CFRTrain.labelers.sam_input import ConcatenatedInput, SlicewiseInput, choose_input
from CFRTrain.labelers.sam_lora import add_lora
from CFRTrain.labelers.sam_model import SamArchitecture, build_sam
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import CFRError, StopRequested
from CFRTrain.runs.job import FineTune
from CFRTrain.training.loop import train
from CFRTrain.training.losses import dice_ce
from CFRTrain.training.trainable import Trainable
from Testing.engine.cohort import Cohort

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)
PATCH = (16, 16, 16)


def make_stage(
    cohort: Cohort, lora: bool = False, kind: str = "concatenated", **options: object
) -> FineTuneStage:
    sam_input = choose_input(kind, PATCH, 0, 0, "token", TINY.token)
    sam = build_sam(TINY, 2, sam_input.canvas, seed=0)
    if lora:
        add_lora(sam, rank=2, seed=0)
    finetune = replace(FineTune(steps=6, warmup=2), **options)
    data = (cohort.store, cohort.labeled, (1.0, 1.0, 1.0))
    return FineTuneStage(sam, sam_input, *data, finetune, seed=3, device=torch.device("cpu"))


def test_a_batch_depends_on_seed_and_step_alone(tmp_path):
    first, again = make_stage(Cohort(tmp_path), batch=2), make_stage(Cohort(tmp_path), batch=2)
    first.batch(0), first.step(0)
    image, label = first.batch(5)
    assert image.shape == (2, 1, *PATCH) and image.dtype == torch.float32
    assert label.shape == (2, *PATCH) and label.dtype == torch.int64
    assert all(torch.equal(one, other) for one, other in zip((image, label), again.batch(5), strict=True))
    assert not torch.equal(image, first.batch(4)[0])
    assert not torch.equal(image[0], image[1])
    assert set(label.unique().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("kind", ["concatenated", "slicewise"])
def test_the_loss_falls(tmp_path, kind):
    stage = make_stage(Cohort(tmp_path), kind=kind, steps=40, learning_rate=3e-3)
    losses = [stage.step(step)["loss"] for step in range(40)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_canvas_pixels_without_a_voxel_get_no_gradient():
    sam_input = choose_input("concatenated", (14, 13, 11), 0, 0, "official", 8)
    targets = sam_input.label_pictures(torch.randint(0, 3, (1, 14, 13, 11)))
    padding = targets == IGNORE
    assert 0 < padding.sum() < padding.numel()
    assert (~padding).sum() == 14 * 13 * 11
    logits = torch.randn(1, 3, sam_input.canvas, sam_input.canvas, requires_grad=True)
    dice_ce(logits, targets).backward()
    touched = logits.grad.abs().sum(dim=1)
    assert (touched[padding] == 0).all()
    assert (touched[~padding] > 0).all()


def test_the_learning_rate_warms_up_and_falls_with_power_0_9(tmp_path):
    stage = make_stage(Cohort(tmp_path), steps=6, warmup=2, learning_rate=1e-3)
    rates = [stage.step(step)["learning_rate"] for step in range(6)]
    expected = [0.5e-3, 1e-3] + [1e-3 * (1 - step / 4) ** 0.9 for step in range(4)]
    assert rates == pytest.approx(expected)
    assert stage.optimizer.param_groups[0]["lr"] == pytest.approx(expected[-1])
    assert stage.optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    assert stage.optimizer.param_groups[0]["weight_decay"] == 0.1


def test_checkpoints_leave_out_the_frozen_encoder_and_load_into_the_sam():
    sam, other = (build_sam(TINY, 2, 64, seed) for seed in (0, 1))
    for one in (sam, other):
        add_lora(one, rank=2, seed=5)
    held = Trainable(sam, buffers=False).state_dict()
    trainable = {name for name, value in sam.named_parameters() if value.requires_grad}
    assert {key.replace("/", ".") for key in held} == trainable
    Trainable(other, buffers=False).load_state_dict(held)
    values = dict(other.named_parameters())
    for name, value in sam.named_parameters():
        assert name not in trainable or torch.equal(values[name], value)
    frozen = "image_encoder.patch_embed.proj.weight"
    assert not torch.equal(values[frozen], sam.state_dict()[frozen])


def test_keys_and_order_of_a_checkpoint_stay_those_of_runs_that_are_under_way(tmp_path):
    stage = make_stage(Cohort(tmp_path), lora=True)
    held = stage.modules()["sam"].state_dict()
    names = [name.replace(".", "/") for name, value in stage.sam.named_parameters() if value.requires_grad]
    assert list(held) == [f"shared.{name}" for name in sorted(names)]
    assert "shared.image_encoder/blocks/0/attn/qkv/query/lora_A/default/weight" in held
    optimized = stage.optimizer.param_groups[0]["params"]
    assert all(one.data_ptr() == kept.data_ptr() for one, kept in zip(optimized, held.values(), strict=True))


@pytest.mark.parametrize("lora", [False, True], ids=["from scratch", "lora"])
def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, lora):
    cohorts = [Cohort(tmp_path / name) for name in ("whole", "stopped") if not (tmp_path / name).mkdir()]
    whole = make_stage(cohorts[0], lora)
    train(whole, cohorts[0].run, checkpoint_every=2, log_every=2)
    run, asked = cohorts[1].run, []
    answer = run.stop_requested
    run.stop_requested = lambda: asked.append(0) or len(asked) > 3
    with pytest.raises(StopRequested):
        train(make_stage(cohorts[1], lora), run, checkpoint_every=2, log_every=2)
    run.stop_requested = answer
    resumed = make_stage(cohorts[1], lora)
    train(resumed, run, checkpoint_every=2, log_every=2)
    assert weights_hash(resumed.sam) == weights_hash(whole.sam)
    assert weights_hash(whole.sam) != weights_hash(make_stage(cohorts[0], lora).sam)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", ["concatenated", "slicewise"])
def test_pictures_become_the_volumes_they_were_made_of(kind, axis):
    patch = (8, 8, 8) if kind == "slicewise" else (9, 6, 12)
    sam_input = choose_input(kind, patch, axis, 0, "official", 4)
    images = torch.randn(2, 3, *patch)
    pictures = sam_input.pictures(images[:, :1])
    assert pictures.shape[1:] == (1, sam_input.canvas, sam_input.canvas)
    assert len(pictures) == (2 if kind == "concatenated" else 16)
    parts = [sam_input.pictures(images[:, channel : channel + 1]) for channel in range(3)]
    assert torch.allclose(sam_input.volumes(torch.cat(parts, dim=1)), images, atol=1e-6)


def test_slices_are_resized_to_the_wished_canvas_and_back():
    sam_input = choose_input("slicewise", (4, 6, 10), 0, 32, "official", 8)
    labels = torch.randint(0, 3, (1, 4, 6, 10))
    pictures = sam_input.label_pictures(labels)
    assert isinstance(sam_input, SlicewiseInput)
    assert pictures.shape == (4, 32, 32)
    assert set(pictures.unique().tolist()) <= {0, 1, 2}
    assert sam_input.volumes(torch.randn(4, 3, 32, 32)).shape == (1, 3, 4, 6, 10)


def test_a_patch_larger_than_the_canvas_gets_smaller_and_no_slice_is_dropped():
    sam_input = choose_input("concatenated", (64, 160, 200), 0, 128, "token", 16)
    assert isinstance(sam_input, ConcatenatedInput)
    assert sam_input.patch_zyx == (1, 128, 128)
    assert choose_input("concatenated", (64, 160, 160), 0, 1024, "official", 16).patch_zyx == (36, 160, 160)


def test_the_canvas_fits_the_patch_unless_it_is_set():
    assert choose_input("concatenated", (40, 56, 40), 1, 0, "official", 8).canvas == 320
    assert choose_input("concatenated", (40, 56, 40), 1, 1000, "official", 16).canvas == 1008
    assert choose_input("concatenated", (96, 200, 200), 0, 0, "token", 16).canvas == 1024
    with pytest.raises(CFRError):
        choose_input("concatenated", (8, 8, 8), 0, 0, "spiral", 8)
