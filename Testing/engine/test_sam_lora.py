"""LoRA on q and v alone: no change at the start, exact merge, the published numbers of parameters."""

from __future__ import annotations

import copy
import sys

import pytest
import torch
from torch import nn

from CFRTrain.labelers import sam_lora
from CFRTrain.labelers.sam_lora import SplitQkv, add_lora, lora_parameters, merge_lora
from CFRTrain.labelers.sam_model import (
    ARCHITECTURES,
    ConcatenationSam,
    SamArchitecture,
    build_sam,
    parameter_count,
)
from CFRTrain.runs.errors import DependencyError

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)


def tuned_sam(seed: int = 0) -> ConcatenationSam:
    """A tiny SAM whose updates are not zero."""
    sam = build_sam(TINY, 2, 64, seed)
    add_lora(sam, rank=4, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        for parameter in lora_parameters(sam):
            nn.init.normal_(parameter, std=0.2)
    return sam


def test_lora_leaves_the_output_unchanged_at_the_start():
    sam = build_sam(TINY, 2, 64, 0)
    canvas = torch.randn(2, 1, 64, 64)
    before = sam(canvas)
    add_lora(sam, rank=4, seed=0)
    assert torch.allclose(sam(canvas), before, atol=1e-6)


def test_merged_lora_gives_the_tuned_output_with_the_official_keys():
    keys = list(build_sam(TINY, 2, 64, 0).state_dict())
    sam = tuned_sam()
    canvas = torch.randn(1, 1, 64, 64)
    tuned, untuned = sam(canvas), build_sam(TINY, 2, 64, 0)(canvas)
    merge_lora(sam)
    assert sorted(sam.state_dict()) == sorted(keys)
    assert torch.allclose(sam(canvas), tuned, atol=1e-5)
    assert not torch.allclose(tuned, untuned, atol=1e-3)


def test_merged_lora_moves_queries_and_values_and_never_keys():
    before = build_sam(TINY, 2, 64, 0).state_dict()
    sam = tuned_sam()
    merge_lora(sam)
    for block in range(TINY.depth):
        key = f"image_encoder.blocks.{block}.attn.qkv.weight"
        query, unmoved, value = (sam.state_dict()[key] - before[key]).abs().amax(dim=1).split(24)
        assert query.min() > 0 and value.min() > 0
        assert unmoved.max() == 0


def test_an_update_is_the_product_of_its_two_matrices_at_scale_one():
    before = build_sam(TINY, 2, 64, 0).image_encoder.blocks[0].attn.qkv.weight.detach()
    sam = tuned_sam()
    split = sam.image_encoder.blocks[0].attn.qkv
    query, value = (
        part.lora_B["default"].weight @ part.lora_A["default"].weight for part in (split.query, split.value)
    )
    merge_lora(sam)
    moved = sam.image_encoder.blocks[0].attn.qkv.weight - before
    assert torch.allclose(moved, torch.cat([query, torch.zeros_like(query), value]), atol=1e-6)


def test_merging_twice_or_without_lora_changes_nothing():
    sam = tuned_sam()
    merge_lora(sam)
    once = copy.deepcopy(sam.state_dict())
    merge_lora(sam)
    assert all(torch.equal(once[key], value) for key, value in sam.state_dict().items())


def test_split_layers_equal_the_fused_one_and_fuse_back_to_it():
    fused = nn.Linear(10, 30)
    split = SplitQkv(fused)
    tokens = torch.randn(2, 3, 3, 10)
    assert torch.allclose(split(tokens), fused(tokens), atol=1e-6)
    assert torch.equal(split.fused().weight, fused.weight)
    assert torch.equal(split.fused().bias, fused.bias)


def test_vit_b_at_one_class_trains_147456_lora_and_3_93_million_parameters():
    with torch.device("meta"):
        sam = ConcatenationSam(ARCHITECTURES["vit_b"], 1, 1024)
        add_lora(sam, rank=4, seed=0)
    assert sum(parameter.numel() for parameter in lora_parameters(sam)) == 147_456
    assert parameter_count(sam, trainable_only=True) / 1e6 == pytest.approx(3.93, abs=0.005)


def test_only_lora_prompt_encoder_and_mask_decoder_are_trainable():
    sam = tuned_sam()
    for name, parameter in sam.named_parameters():
        expected = ".lora_" in name or name.startswith(("prompt_encoder.", "mask_decoder."))
        assert parameter.requires_grad == expected, name


def test_a_step_changes_lora_and_decoder_and_leaves_the_frozen_encoder():
    sam = build_sam(TINY, 2, 64, 0)
    add_lora(sam, rank=4, seed=0)
    before = copy.deepcopy(sam.state_dict())
    optimizer = torch.optim.AdamW([parameter for parameter in sam.parameters() if parameter.requires_grad])
    sam(torch.randn(1, 1, 64, 64)).square().mean().backward()
    optimizer.step()
    moved = {key for key, value in sam.state_dict().items() if not torch.equal(value, before[key])}
    assert any("lora_B" in key for key in moved)
    assert any(key.startswith("mask_decoder.") for key in moved)
    assert not [key for key in moved if key.startswith("image_encoder.") and "lora_" not in key]


def test_lora_matrices_depend_on_the_seed_alone():
    first, again, other = (build_sam(TINY, 1, 64, 0) for _ in range(3))
    for sam, seed in ((first, 3), (again, 3), (other, 4)):
        torch.rand(seed)
        add_lora(sam, rank=2, seed=seed)
    values = [torch.cat([p.flatten() for p in lora_parameters(sam)]) for sam in (first, again, other)]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


def test_a_missing_peft_is_reported_with_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(DependencyError) as caught:
        sam_lora.add_lora(build_sam(TINY, 1, 64, 0), 4, 0)
    assert "peft" in caught.value.remedy
