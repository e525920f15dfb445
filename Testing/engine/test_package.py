"""The model file: everything comes back, and whatever is wrong with it is one clean error."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from CFRTrain.data.planning import Intensity, Plan
from CFRTrain.models.package import Model, NetworkConfig, Provenance, Usage, load_model, save_model
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.job import ClassSpec, Predict

CLASSES = (ClassSpec(1, "left atrium", (200, 80, 70)), ClassSpec(5, "Ventrikel ü"))
CONFIG = NetworkConfig("vnet", 1, 3, width=4, levels=2, norm="batch", dropout=0.1)
PLAN = Plan(
    (2.0, 1.5, 1.5), (8, 16, 16), 0, Intensity("zscore", 0.5, 99.5), 0, (20, 30, 30),
    {"patch_zyx": "Set in the job."},
)  # fmt: skip
PROVENANCE = Provenance(
    "2026-11-21", {"torch": "2.13.0+cpu"}, 3, "standard", "mean_teacher", "atlas", "MR", {"labeled": 1}
)


def saved(folder: Path, **changes: object) -> Model:
    """A small model, saved."""
    config = changes.pop("config", CONFIG)
    network = config.build()
    network(torch.randn(2, 1, 8, 16, 16))  # gives BatchNorm statistics that are not the defaults
    content = {"plan": PLAN, "classes": CLASSES, "provenance": PROVENANCE, **changes}
    return save_model(folder / "heart.cfrmodel", network, config, **content)


def rewrite(path: Path, edit: object, compression: int = zipfile.ZIP_STORED) -> Path:
    """Writes the zip again after `edit(members)` changed its dictionary of members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def edit_description(path: Path, **changes: object) -> Path:
    """Replaces entries of model.json, dotted names reaching into it."""

    def edit(members: dict[str, bytes]) -> None:
        content = json.loads(members["model.json"])
        for name, value in changes.items():
            *parents, last = name.split("__")
            target = content
            for parent in parents:
                target = target[parent]
            target[last] = value
        members["model.json"] = json.dumps(content).encode()

    return rewrite(path, edit)


def test_a_model_comes_back_with_everything_in_it(tmp_path):
    model = saved(tmp_path)
    again = load_model(tmp_path / "heart.cfrmodel")
    assert (again.config, again.plan, again.classes, again.provenance) == (CONFIG, PLAN, CLASSES, PROVENANCE)
    assert again.weights_sha256 == model.weights_sha256 and again.path == tmp_path / "heart.cfrmodel"
    assert not again.network.training
    image = torch.randn(1, 1, 8, 16, 16)
    assert torch.equal(again.network(image), model.network(image))


def test_the_same_model_is_the_same_file(tmp_path):
    model = saved(tmp_path)
    parts = (model.config, model.plan, model.classes, model.provenance)
    save_model(tmp_path / "copy.cfrmodel", model.network, *parts)
    assert (tmp_path / "copy.cfrmodel").read_bytes() == model.path.read_bytes()


def test_the_file_says_how_the_model_is_used(tmp_path):
    assert saved(tmp_path).usage == Usage(0.5, False)
    model = saved(tmp_path, usage=Usage(0.25, largest_component=True))
    assert load_model(model.path).usage.predict(runtime="torch") == Predict(0.25, "torch", "f32", True)
    assert model.usage.predict(overlap=0.75).overlap == 0.75
    with pytest.raises(ModelError, match="usage.overlap"):
        load_model(edit_description(model.path, usage__overlap=0.95))


def test_the_file_is_a_plain_zip_with_two_members_and_no_code(tmp_path):
    with zipfile.ZipFile(saved(tmp_path).path) as archive:
        assert archive.namelist() == ["model.json", "weights.safetensors"]
        description = json.loads(archive.read("model.json"))
    assert description["classes"][1] == {
        "value": 5, "name": "Ventrikel ü", "color": None, "terminology": ""
    }  # fmt: skip
    assert description["plan"]["spacing_zyx"] == [2.0, 1.5, 1.5]


@pytest.mark.parametrize("note", ["/home/doe/heart.nii.gz", "made from C:\\Users\\Doe", "see /mnt/patients"])
def test_a_path_never_gets_into_a_model(tmp_path, note):
    with pytest.raises(ValueError, match="path"):
        saved(tmp_path, provenance=replace(PROVENANCE, notes=(note,)))


def test_weights_that_are_not_finite_or_of_another_network_are_not_saved(tmp_path):
    network = CONFIG.build()
    with pytest.raises(ValueError, match="not"):
        save_model(tmp_path / "m.cfrmodel", network, replace(CONFIG, width=8), PLAN, CLASSES, PROVENANCE)
    with torch.no_grad():
        network.head.weight[0] = torch.nan
    with pytest.raises(ValueError, match="finite"):
        save_model(tmp_path / "m.cfrmodel", network, CONFIG, PLAN, CLASSES, PROVENANCE)
    assert not (tmp_path / "m.cfrmodel").exists()


def test_a_missing_file_is_reported_with_a_remedy(tmp_path):
    with pytest.raises(ModelError, match="no such model") as caught:
        load_model(tmp_path / "none.cfrmodel")
    assert caught.value.remedy and caught.value.exit_code == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "other"},
        {"format": "1"},
        {"network__width": 8},
        {"network__width": 10**9},
        {"network__name": "os.system"},
        {"network__levels": True},
        {"network__extra": 1},
        {"plan__patch_zyx": [8, 16, 15]},
        {"plan__patch_zyx": [2**20, 2**20, 2**20]},
        {"plan__spacing_zyx": [0, 1, 1]},
        {"classes": []},
        {"classes": [{"value": 1, "name": "a", "color": None}, {"value": 1, "name": "b", "color": None}]},
        {"classes": [{"value": 300, "name": "a", "color": None}, {"value": 1, "name": "b", "color": None}]},
        {"provenance": None},
        {"provenance__seed": "3"},
        {"weights_sha256": "0" * 64},
        {"weights_sha256": None},
        {"unknown": 1},
    ],
    ids=lambda changes: "-".join(f"{name}={str(value)[:12]}" for name, value in changes.items()),
)
def test_a_description_that_is_wrong_is_refused(tmp_path, changes):
    path = edit_description(saved(tmp_path).path, **changes)
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert caught.value.remedy


def test_a_newer_format_asks_for_an_update(tmp_path):
    with pytest.raises(ModelError, match="Update"):
        load_model(edit_description(saved(tmp_path).path, format=2))


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "model.json/", "extra.bin", "C:\\evil.dll"])
def test_a_zip_with_any_other_member_is_refused(tmp_path, name):
    path = rewrite(saved(tmp_path).path, lambda members: members.update({name: b"x"}))
    with pytest.raises(ModelError):
        load_model(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["heart.cfrmodel"]


def test_a_member_listed_twice_is_refused(tmp_path):
    path = saved(tmp_path).path
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.json", "{}")
    with pytest.raises(ModelError):
        load_model(path)


def test_a_compressed_member_is_refused_so_that_no_file_unpacks_to_more_than_its_size(tmp_path):
    path = rewrite(saved(tmp_path).path, lambda members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="stored"):
        load_model(path)


def test_other_weights_under_the_same_name_are_refused(tmp_path):
    first = saved(tmp_path / "a")
    with zipfile.ZipFile(first.path) as archive:
        weights = bytearray(archive.read("weights.safetensors"))
    weights[-1] ^= 1
    path = rewrite(first.path, lambda members: members.update({"weights.safetensors": bytes(weights)}))
    with pytest.raises(ModelError, match="not those"):
        load_model(path)


def test_damage_anywhere_is_an_error_or_leaves_the_model_as_it_was(tmp_path):
    model = saved(tmp_path, config=replace(CONFIG, width=3))
    content, expected = model.path.read_bytes(), model.network.state_dict()
    generator, refused = np.random.default_rng(0), 0
    for trial in range(200):
        damaged = bytearray(content)
        if trial % 4 == 0:
            damaged = damaged[: generator.integers(len(content))]
        else:
            # Three of four flips fall into the headers at both ends, where a reader is easiest to mislead.
            low, high = [(0, len(content)), (0, 2000), (len(content) - 200, len(content))][trial % 4 - 1]
            damaged[generator.integers(low, high)] ^= 1 << generator.integers(8)
        model.path.write_bytes(damaged)
        try:
            found = load_model(model.path)
        except ModelError:
            refused += 1
            continue
        assert (found.plan, found.classes, found.config) == (model.plan, model.classes, model.config)
        assert all(torch.equal(tensor, expected[name]) for name, tensor in found.network.state_dict().items())
    assert refused > 150


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "bomb.cfrmodel"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b" " * (64 << 20))
        archive.writestr("weights.safetensors", b"")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ModelError):
        load_model(path)
