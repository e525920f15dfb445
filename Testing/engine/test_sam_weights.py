"""Official files: only the published bytes are read, once, and they must fit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from CFRTrain.labelers import sam_weights
from CFRTrain.labelers.sam_model import ConcatenationSam, SamArchitecture, build_sam
from CFRTrain.labelers.sam_weights import find_weights, fit_position_tables, load_official, read_weights
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS, OfficialWeights

# SAM's own shape at a size for tests: an official file has four mask tokens and a canvas of 1024.
TINY = SamArchitecture("tiny", 24, 2, 3, (1,), token=16, window=3, embedding=32, decoder_hidden=64)


def official_sam() -> ConcatenationSam:
    sam = build_sam(TINY, classes=3, canvas=1024, seed=1)
    for name, parameter in sam.named_parameters():
        if "rel_pos" in name:
            torch.nn.init.normal_(parameter)
    return sam


def write_official(folder: Path, state: object) -> tuple[Path, OfficialWeights]:
    """A file as Meta publishes them, and its entry in the table."""
    path = folder / "sam_tiny.pth"
    torch.save(state, path)
    return path, OfficialWeights("tiny", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_table_has_the_three_published_files():
    assert {entry.file_name for entry in OFFICIAL_WEIGHTS.values()} == {
        "sam_vit_b_01ec64.pth",
        "sam_vit_l_0b3195.pth",
        "sam_vit_h_4b8939.pth",
    }
    for model, entry in OFFICIAL_WEIGHTS.items():
        assert entry.model == model
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.url.startswith("https://") and entry.url.endswith(entry.file_name)


def test_an_official_file_becomes_a_model_with_new_class_tokens(tmp_path):
    official = official_sam()
    path, entry = write_official(tmp_path, official.state_dict())
    sam = build_sam(TINY, classes=1, canvas=1024, seed=2)
    tokens = sam.mask_decoder.mask_tokens.weight.clone()
    load_official(sam, read_weights(path, entry), path.name)
    own, given = sam.state_dict(), official.state_dict()
    taken = [key for key in own if not key.startswith(sam_weights.PARTS_PER_TOKEN)]
    assert len(taken) > 100
    assert all(torch.equal(own[key], given[key]) for key in taken)
    assert torch.equal(sam.mask_decoder.mask_tokens.weight, tokens)


def test_class_tokens_start_anew_even_where_the_official_ones_would_fit(tmp_path):
    path, entry = write_official(tmp_path, official_sam().state_dict())
    sam = build_sam(TINY, classes=3, canvas=1024, seed=2)
    tokens = sam.mask_decoder.mask_tokens.weight.clone()
    load_official(sam, read_weights(path, entry), path.name)
    assert torch.equal(sam.mask_decoder.mask_tokens.weight, tokens)


def test_the_second_reading_takes_the_safetensors_copy(tmp_path):
    path, entry = write_official(tmp_path, official_sam().state_dict())
    first = read_weights(path, entry)
    path.unlink()
    assert find_weights(path, entry) == path.with_suffix(".safetensors")
    second = read_weights(find_weights(path, entry), entry)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_changed_copy_is_not_trusted_and_made_again(tmp_path):
    path, entry = write_official(tmp_path, official_sam().state_dict())
    first = read_weights(path, entry)
    copy = path.with_suffix(".safetensors")
    intact = copy.read_bytes()
    copy.write_bytes(intact[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(ModelError):
        read_weights(copy.rename(tmp_path / "alone.safetensors"), entry)
    again = read_weights(path, entry)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert copy.read_bytes() == intact


def test_a_copy_of_another_official_file_is_not_taken(tmp_path):
    path, entry = write_official(tmp_path, official_sam().state_dict())
    read_weights(path, entry)
    record = path.with_suffix(".json")
    record.write_text(
        json.dumps({**json.loads(record.read_text(encoding="utf-8")), "official_sha256": "0" * 64})
    )
    with pytest.raises(ModelError):
        read_weights(path.with_suffix(".safetensors"), entry)


def test_a_file_with_another_hash_is_never_opened(tmp_path, monkeypatch):
    path, entry = write_official(tmp_path, official_sam().state_dict())
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(torch, "load", lambda *args, **options: pytest.fail("unverified bytes were read"))
    with pytest.raises(ModelError) as caught:
        read_weights(path, entry)
    assert entry.url in caught.value.remedy and entry.sha256 in caught.value.remedy


def test_a_file_that_holds_code_is_refused(tmp_path):
    path, entry = write_official(tmp_path, {"weight": torch.zeros(1), "transform": pytest.fail})
    with pytest.raises(ModelError):
        read_weights(path, entry)


def test_a_file_without_named_tensors_is_refused(tmp_path):
    path, entry = write_official(tmp_path, [torch.zeros(1)])
    with pytest.raises(ModelError):
        read_weights(path, entry)


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("read-only")

    path, entry = write_official(tmp_path, official_sam().state_dict())
    monkeypatch.setattr(sam_weights, "save_file", refuse)
    assert "image_encoder.pos_embed" in read_weights(path, entry)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_weights_are_found_in_a_folder_and_absence_is_no_error(tmp_path):
    path, entry = write_official(tmp_path, {"weight": torch.zeros(1)})
    assert find_weights(tmp_path, entry) == path
    assert find_weights(path, entry) == path
    assert find_weights(tmp_path / "absent.pth", entry) is None
    assert find_weights(tmp_path, OFFICIAL_WEIGHTS["vit_b"]) is None


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_tensors_that_do_not_fit_are_named(change):
    state = dict(official_sam().state_dict())
    key = "image_encoder.neck.0.weight"
    if change == "missing":
        del state[key]
    elif change == "unknown":
        key = "image_encoder.extra"
        state[key] = torch.zeros(1)
    else:
        state[key] = state[key][:5]
    with pytest.raises(ModelError) as caught:
        load_official(build_sam(TINY, 1, 1024, 0), state, "sam_tiny.pth")
    assert key in caught.value.text and "sam_tiny.pth" in caught.value.text


def test_on_a_smaller_canvas_global_tables_are_resized_and_window_tables_kept():
    official = official_sam()
    sam = build_sam(TINY, 1, 256, 0)
    load_official(sam, official.state_dict(), "sam_tiny.pth")
    blocks = sam.image_encoder.blocks
    assert blocks[0].attn.rel_pos_h.shape == (5, 8) and blocks[1].attn.rel_pos_h.shape == (31, 8)
    assert torch.equal(blocks[0].attn.rel_pos_h, official.image_encoder.blocks[0].attn.rel_pos_h)
    assert sam.image_encoder.pos_embed.shape == (1, 16, 16, 24)
    assert torch.isfinite(sam(torch.randn(1, 1, 256, 256))).all()


def test_resized_tables_keep_a_linear_course():
    state = dict(official_sam().state_dict())
    state["image_encoder.pos_embed"] = torch.linspace(0, 1, 64)[None, :, None, None].expand(1, 64, 64, 24)
    state["image_encoder.blocks.1.attn.rel_pos_w"] = torch.linspace(-1, 1, 127)[:, None].expand(127, 8)
    fitted = fit_position_tables(build_sam(TINY, 1, 256, 0), state)
    absolute = fitted["image_encoder.pos_embed"][0, :, 3, 0]
    assert torch.allclose(absolute.diff(), torch.full((15,), 4 / 63), atol=1e-5)
    relative = fitted["image_encoder.blocks.1.attn.rel_pos_w"][:, 0]
    assert relative[15] == pytest.approx(0, abs=1e-6)
    assert torch.allclose(relative, -relative.flip(0), atol=1e-6)
