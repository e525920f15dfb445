"""SAM as a segmentation network, against the official classes and the published numbers of parameters."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from CFRTrain.labelers import sam_import
from CFRTrain.labelers.sam_import import sam_modeling
from CFRTrain.labelers.sam_model import (
    ARCHITECTURES,
    ConcatenationSam,
    SamArchitecture,
    build_sam,
    parameter_count,
)
from CFRTrain.runs.errors import CFRError, DependencyError

TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=8, window=3, embedding=32, decoder_hidden=64)


def official_builder(monkeypatch):
    """segment-anything's own assembly of SAM, loaded from its file without the package's start."""
    file = Path(sam_modeling().__file__).parent.parent / "build_sam.py"
    spec = spec_from_file_location("official_sam.build_sam", file)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "official_sam", sam_modeling())
    monkeypatch.setitem(sys.modules, "official_sam.modeling", sam_modeling())
    spec.loader.exec_module(module)
    return module


def on_meta(architecture: str, classes: int) -> ConcatenationSam:
    with torch.device("meta"):
        return ConcatenationSam(ARCHITECTURES[architecture], classes, 1024)


def test_the_logits_are_those_of_the_official_classes(monkeypatch):
    """Official SAM has four tokens, so three classes: every mask of its decoder, in its order."""
    torch.manual_seed(0)
    official = official_builder(monkeypatch)._build_sam(16, 2, 1, (1,)).eval()
    for name, parameter in official.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    ours = ConcatenationSam(SamArchitecture("check", 16, 2, 1, (1,)), 3, 1024)
    ours.load_state_dict(official.state_dict())
    canvas = torch.randn(1, 1, 1024, 1024)
    with torch.no_grad():
        sparse, dense = official.prompt_encoder(None, None, None)
        expected, _ = official.mask_decoder.predict_masks(
            image_embeddings=official.image_encoder(canvas.expand(-1, 3, -1, -1)),
            image_pe=official.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        found = ours.low_resolution(canvas)
    assert found.shape == (1, 4, 256, 256)
    assert expected.std() > 1e-4
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("architecture", ["vit_b", "vit_l", "vit_h"])
def test_keys_and_shapes_are_the_official_ones(monkeypatch, architecture):
    with torch.device("meta"):
        official = official_builder(monkeypatch).sam_model_registry[architecture]()
    expected = {key: value.shape for key, value in official.state_dict().items()}
    assert {key: value.shape for key, value in on_meta(architecture, 3).state_dict().items()} == expected


@pytest.mark.parametrize(("classes", "millions"), [(1, 93.45), (8, 94.44), (13, 95.14)])
def test_vit_b_has_the_measured_number_of_parameters(classes, millions):
    assert parameter_count(on_meta("vit_b", classes)) / 1e6 == pytest.approx(millions, abs=0.005)


def test_vit_b_without_its_encoder_has_3_78_million_parameters():
    sam = on_meta("vit_b", 1)
    assert parameter_count(sam.image_encoder) / 1e6 == pytest.approx(89.67, abs=0.005)
    assert parameter_count(sam.mask_decoder) / 1e6 == pytest.approx(3.78, abs=0.005)


def test_the_small_sam_has_about_four_million_parameters():
    assert parameter_count(build_sam("small", 2, 320, 0)) / 1e6 == pytest.approx(4.0, abs=0.2)


def test_a_batch_gives_what_its_canvases_give_alone():
    sam = build_sam(TINY, 2, 64, 0)
    canvases = torch.randn(3, 1, 64, 64)
    logits = sam(canvases)
    assert logits.shape == (3, 3, 64, 64)
    assert torch.allclose(logits[1:2], sam(canvases[1:2]), atol=1e-5)


def test_every_class_token_receives_a_gradient():
    sam = build_sam(TINY, 2, 64, 0)
    sam(torch.randn(1, 1, 64, 64)).square().sum().backward()
    assert (sam.mask_decoder.mask_tokens.weight.grad.abs().sum(dim=1) > 0).all()
    assert sam.prompt_encoder.no_mask_embed.weight.grad.abs().sum() > 0


def test_the_weights_depend_on_the_seed_alone():
    torch.manual_seed(5)
    first, state = build_sam(TINY, 1, 64, 7).state_dict(), torch.get_rng_state()
    torch.manual_seed(6)
    again, other = build_sam(TINY, 1, 64, 7).state_dict(), build_sam(TINY, 1, 64, 8).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    key = "mask_decoder.mask_tokens.weight"
    assert not torch.equal(first[key], other[key])
    torch.manual_seed(5)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("name", "canvas"), [("small", 100), ("vit_b", 8), ("vit_x", 64)])
def test_an_unfit_canvas_or_an_unknown_name_is_refused(name, canvas):
    with pytest.raises(CFRError):
        build_sam(name, 1, canvas, 0)


def test_loading_sam_leaves_torchvision_and_segment_anything_alone():
    code = (
        "import sys; from CFRTrain.labelers.sam_import import sam_modeling; sam_modeling().ImageEncoderViT;"
        "sys.exit(any(name.split('.')[0] in ('torchvision', 'segment_anything') for name in sys.modules))"
    )
    root = Path(sam_import.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_missing_segment_anything_is_reported_with_a_remedy(monkeypatch):
    monkeypatch.delitem(sys.modules, sam_import.PRIVATE_NAME, raising=False)
    monkeypatch.setattr(sam_import, "find_spec", lambda name: None)
    with pytest.raises(DependencyError) as caught:
        sam_modeling()
    assert "atlas" in caught.value.remedy
