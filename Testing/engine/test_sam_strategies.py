"""Fine-tuning strategies: what learns and what does not, no change at the start, exact merge, sizes."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from CFRTrain.labelers.sam_choice import SamChoice, strategy_of
from CFRTrain.labelers.sam_lora import lora_parameters
from CFRTrain.labelers.sam_model import (
    ARCHITECTURES,
    ConcatenationSam,
    SamArchitecture,
    build_sam,
    parameter_count,
)
from CFRTrain.labelers.strategies import STRATEGIES, chosen_strategy
from CFRTrain.labelers.strategies.adapter import AdaptedAttention, AdaptedMlp, Adapter, adapter_parameters
from CFRTrain.runs.errors import JobError
from CFRTrain.runs.job import ClassSpec, FineTune, Job

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)
ALL = list(STRATEGIES)


def prepared(name: str, architecture: SamArchitecture = TINY, **options: object) -> ConcatenationSam:
    sam = build_sam(architecture, 2, 64, 0)
    STRATEGIES[name].prepare(sam, replace(FineTune(rank=2), **options), seed=0)
    return sam


def moved_from_start(sam: ConcatenationSam) -> ConcatenationSam:
    """The same SAM after something has been learned: no trainable matrix is zero."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for value in sam.parameters():
            if value.requires_grad and value.ndim > 1:
                value += 0.1 * torch.randn(value.shape, generator=generator)
    return sam


def on_meta(name: str, **options: object) -> ConcatenationSam:
    """ViT-B at one class without memory for its weights."""
    with torch.device("meta"):
        sam = ConcatenationSam(ARCHITECTURES["vit_b"], 1, 1024)
        STRATEGIES[name].prepare(sam, replace(FineTune(), **options), seed=0)
    return sam


@pytest.mark.parametrize(
    ("name", "millions"), [("decoder", 3.78), ("full", 93.45), ("lora", 3.93), ("scratch", 93.45)]
)
def test_vit_b_trains_the_published_number_of_parameters(name, millions):
    trained = parameter_count(on_meta(name), trainable_only=True)
    assert trained / 1e6 == pytest.approx(millions, abs=0.006)


@pytest.mark.parametrize(("blocks", "millions"), [((), 7.1), ((0, 1, 10, 11), 2.4)])
def test_adapters_have_the_published_number_of_parameters(blocks, millions):
    assert sum(value.numel() for value in Adapter(768).parameters()) == 768 * 192 + 192 + 192 * 768 + 768
    sam = on_meta("adapter", adapter_blocks=blocks)
    adapters = sum(value.numel() for value in adapter_parameters(sam))
    assert adapters == (len(blocks) or 12) * 2 * 295_872
    assert adapters / 1e6 == pytest.approx(millions, abs=0.05)
    outside = parameter_count(on_meta("lora"), trainable_only=True) - 147_456
    assert parameter_count(sam, trainable_only=True) == adapters + outside


def test_lora_in_the_decoder_adds_two_updates_to_each_of_seven_attentions():
    """Self-attentions are 256 wide inside, the two others of each layer and the last one 128."""
    own_width, halved = 2 * 4 * (256 + 256), 2 * 4 * (256 + 128)
    sam = on_meta("lora_all")
    assert sum(value.numel() for value in lora_parameters(sam)) == 147_456 + 2 * own_width + 5 * halved
    assert parameter_count(sam, trainable_only=True) < parameter_count(on_meta("lora"), trainable_only=True)


@pytest.mark.parametrize("name", ALL)
def test_no_strategy_changes_the_output_at_the_start(name):
    canvas = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(prepared(name)(canvas), build_sam(TINY, 2, 64, 0)(canvas), atol=1e-6)


def learns(strategy: str, name: str) -> bool:
    """Whether the parameter called `name` is one that the strategy should train."""
    added = ".lora_" in name or ".adapter." in name
    if strategy == "scratch" or added:
        return True
    encoder, prompts = name.startswith("image_encoder."), name.startswith("prompt_encoder.")
    return {
        "full": not prompts,
        "decoder": not encoder and not prompts,
        "adapter": not encoder,
        "lora": not encoder,
        "lora_all": not encoder and ".transformer." not in name,
    }[strategy]


@pytest.mark.parametrize("name", ALL)
def test_the_trainable_set_is_exactly_what_it_should_be(name):
    sam = prepared(name)
    for parameter, value in sam.named_parameters():
        assert value.requires_grad == learns(name, parameter), parameter


@pytest.mark.parametrize("name", ALL)
def test_frozen_parts_get_no_gradient_and_what_learns_moves(name):
    sam = moved_from_start(prepared(name))
    before = copy.deepcopy(sam.state_dict())
    optimizer = torch.optim.AdamW([value for value in sam.parameters() if value.requires_grad], lr=1e-2)
    sam(torch.randn(1, 1, 64, 64)).square().mean().backward()
    optimizer.step()
    unused = ("iou_prediction_head", "point_embeddings", "not_a_point", "mask_downscaling")
    for parameter, value in sam.named_parameters():
        if not learns(name, parameter):
            assert value.grad is None and torch.equal(value, before[parameter]), parameter
        elif not any(part in parameter for part in unused):
            assert value.grad is not None, parameter
    moved = [key for key, value in sam.state_dict().items() if not torch.equal(value, before[key])]
    assert any(key.startswith("mask_decoder.output_upscaling") for key in moved)
    encoder_moved = any(key.startswith("image_encoder.") for key in moved)
    assert encoder_moved == (name != "decoder")


@pytest.mark.parametrize("name", ["lora", "lora_all"])
def test_merged_updates_give_the_tuned_output_under_the_official_names(name):
    sam = moved_from_start(prepared(name))
    canvas = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        tuned, untuned = sam(canvas), build_sam(TINY, 2, 64, 0)(canvas)
        STRATEGIES[name].finish(sam)
        assert torch.allclose(sam(canvas), tuned, atol=1e-5)
    assert (tuned - untuned).abs().max() > 1e-3
    assert sorted(sam.state_dict()) == sorted(build_sam(TINY, 2, 64, 0).state_dict())
    assert not lora_parameters(sam)


def test_lora_in_the_decoder_moves_queries_and_values_and_never_keys():
    before = build_sam(TINY, 2, 64, 0).mask_decoder.transformer.state_dict()
    sam = prepared("lora_all")
    with torch.no_grad():
        for value in lora_parameters(sam):
            value.normal_()
    STRATEGIES["lora_all"].finish(sam)
    after = sam.mask_decoder.transformer.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert len(changed) == 14
    assert all(key.endswith(("q_proj.weight", "v_proj.weight")) for key in changed)


def test_adapters_stand_behind_the_attention_and_beside_the_mlp():
    torch.manual_seed(0)
    tokens, layer = torch.randn(2, 3, 3, 8), nn.Linear(8, 8)
    behind, beside = AdaptedAttention(layer, 8), AdaptedMlp(layer, 8)
    for module in (behind, beside):
        nn.init.normal_(module.adapter.up.weight)
    inner = layer(tokens)

    def bottleneck(adapter: Adapter, x: torch.Tensor) -> torch.Tensor:
        hidden = x @ adapter.down.weight.T + adapter.down.bias
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        return hidden @ adapter.up.weight.T

    assert behind.adapter.down.weight.shape == (2, 8)
    assert torch.allclose(behind(tokens), inner + bottleneck(behind.adapter, inner), atol=1e-6)
    assert torch.allclose(beside(tokens), inner + 0.5 * bottleneck(beside.adapter, tokens), atol=1e-6)


def test_adapters_are_only_in_the_chosen_blocks_and_depend_on_the_seed_alone():
    sam, again = prepared("adapter", adapter_blocks=(1,)), prepared("adapter", adapter_blocks=(1,))
    names = [name for name, _ in sam.named_parameters() if ".adapter." in name]
    assert len(names) == 8 and all(name.startswith("image_encoder.blocks.1.") for name in names)
    pairs = zip(adapter_parameters(sam), adapter_parameters(again), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_auto_is_lora_with_official_weights_and_everything_without():
    assert chosen_strategy("auto", pretrained=True).name == "lora"
    assert chosen_strategy("auto", pretrained=False).name == "scratch"
    assert chosen_strategy("full", pretrained=True).name == "full"


def test_a_block_that_the_sam_does_not_have_is_refused_with_a_remedy():
    job = Job(classes=(ClassSpec(1, "a"),), finetune=FineTune(strategy="adapter", adapter_blocks=(0, 2)))
    with pytest.raises(JobError) as caught:
        strategy_of(SamChoice(TINY, None, False, ""), job)
    assert "blocks 0 to 1, not 2" in str(caught.value) and "adapter_blocks" in caught.value.remedy
