"""The fused attention against segment-anything's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from CFRTrain.labelers.sam_attention import FusedAttention, fuse_attention
from CFRTrain.labelers.sam_import import sam_modeling


def sam_attention(side: tuple[int, int], width: int = 24, heads: int = 3) -> nn.Module:
    encoder = sam_modeling().ImageEncoderViT(img_size=16, depth=1, embed_dim=width, num_heads=heads)
    attention = type(encoder.blocks[0].attn)(width, num_heads=heads, use_rel_pos=True, input_size=side)
    for table in (attention.rel_pos_h, attention.rel_pos_w):
        nn.init.normal_(table, std=0.5)
    return attention


@pytest.mark.parametrize("side", [(14, 14), (20, 20), (6, 11)], ids=["window", "global", "rectangle"])
def test_fused_attention_equals_sams_own(side):
    torch.manual_seed(0)
    own = sam_attention(side)
    tokens = torch.randn(2, *side, 24)
    assert torch.allclose(FusedAttention(own)(tokens), own(tokens), atol=1e-5)


def test_fused_attention_has_sams_gradients():
    torch.manual_seed(1)
    own = sam_attention((7, 7))
    fused = FusedAttention(copy.deepcopy(own))
    tokens = torch.randn(2, 7, 7, 24)
    own(tokens).square().sum().backward()
    fused(tokens).square().sum().backward()
    expected = dict(own.named_parameters())
    for name, parameter in fused.named_parameters():
        assert torch.allclose(parameter.grad, expected[name].grad, atol=1e-4), name


def test_a_changed_position_table_changes_the_result():
    """Guards the comparison above: with tables that do nothing, any attention would pass it."""
    torch.manual_seed(2)
    own = sam_attention((7, 7))
    fused = FusedAttention(copy.deepcopy(own))
    tokens = torch.randn(1, 7, 7, 24)
    with torch.no_grad():
        fused.rel_pos_w[3] += 1
    assert not torch.allclose(fused(tokens), own(tokens), atol=1e-3)


def test_attention_without_positions_equals_sams_own():
    own = sam_attention((5, 5))
    own.use_rel_pos = False
    tokens = torch.randn(1, 5, 5, 24)
    assert torch.allclose(FusedAttention(own)(tokens), own(tokens), atol=1e-5)


def test_an_encoder_with_windows_and_global_blocks_keeps_its_output_and_its_keys():
    torch.manual_seed(3)
    own = sam_modeling().ImageEncoderViT(
        img_size=64,
        patch_size=8,
        embed_dim=24,
        depth=2,
        num_heads=3,
        use_rel_pos=True,
        window_size=3,
        global_attn_indexes=(1,),
    )
    for name, parameter in own.named_parameters():
        if "rel_pos" in name:
            nn.init.normal_(parameter, std=0.5)
    fused = copy.deepcopy(own)
    fuse_attention(fused)
    image = torch.randn(1, 3, 64, 64)
    assert all(isinstance(block.attn, FusedAttention) for block in fused.blocks)
    assert list(fused.state_dict()) == list(own.state_dict())
    assert torch.allclose(fused(image), own(image), atol=1e-5)
