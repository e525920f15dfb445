"""Models of a cohort: listed, imported only as they were made, exported as one file; SAM's weights."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from CFRSegmentLib.engine import ModelStore, licenseText, model_file, removeWeights, weightsEntries
from CFRTrain.models import model_description, package
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.official_weights import OFFICIAL_WEIGHTS, OfficialWeights
from CFRTrain.runs.run_folder import RunFolder

CLASS = {
    "value": 1,
    "name": "left atrium",
    "color": [216, 101, 79],
    "terminology": "T~SCT^82471001^Left~^^~^^",
}


def write_model(path: Path, weights: bytes = b"weights", **changes: object) -> Path:
    """A model file as far as the viewer reads it."""
    provenance = {
        "created": "2026-11-21", "preset": "standard", "labeler": "atlas", "method": "self_training",
        "modality": "MR", "cohort": {"labeled": 2}, "validation": {"mean_dice": 0.81},
        "notes": ["Research use only."],
    }  # fmt: skip
    description = {
        "kind": "CFRTrain model", "format": 1, "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "classes": [CLASS], "provenance": provenance, **changes,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps(description))
        archive.writestr("weights.safetensors", weights)
    return path


def flipped(path: Path, offset: int) -> Path:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    return path


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models 空")


def test_the_viewer_and_the_engine_mean_the_same_file():
    assert (model_file.KIND, model_file.FORMAT) == (model_description.KIND, model_description.FORMAT)
    assert model_file.LIMITS == package.MEMBER_LIMITS and model_file.SUFFIX == package.SUFFIX


def test_a_model_is_listed_with_what_a_result_on_another_machine_needs(store: ModelStore):
    write_model(store.folder / "heart.cfrmodel")
    (entry,) = store.models()
    assert (entry.name, entry.problem) == ("heart", None)
    summary = entry.summary
    assert (summary.dice, summary.labeledCases, summary.labeler) == (0.81, 2, "atlas")
    assert (entry.classes[0].name, entry.classes[0].color) == ("left atrium", (216, 101, 79))
    assert entry.classes[0].terminology == CLASS["terminology"]
    assert summary.notes == ("Research use only.",)


def test_an_exported_model_imported_elsewhere_is_the_same_file(store: ModelStore, tmp_path: Path):
    entry = store.importFile(write_model(tmp_path / "heart.cfrmodel"))
    store.export(entry, tmp_path / "given away.cfrmodel")
    other = ModelStore(tmp_path / "other")
    again = other.importFile(tmp_path / "given away.cfrmodel")
    assert again.path.read_bytes() == entry.path.read_bytes() and again.name == "given away"
    assert again.classes == entry.classes


def test_a_tampered_file_is_refused_wherever_it_was_changed(store: ModelStore, tmp_path: Path):
    whole = write_model(tmp_path / "whole.cfrmodel", b"w" * 300).read_bytes()
    for offset in range(0, len(whole), 7):
        copy = tmp_path / "tampered.cfrmodel"
        copy.write_bytes(whole)
        try:
            entry = store.importFile(flipped(copy, offset))
        except ModelError as error:
            assert error.text and error.remedy
        else:  # a byte of the zip that means nothing, such as a date
            with zipfile.ZipFile(entry.path) as archive:
                assert archive.read("weights.safetensors") == b"w" * 300
            store.remove(entry)
    assert store.models() == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"weights_sha256": "0" * 64}, "model_damaged"),
        ({"format": 2}, "model_format"),
        ({"kind": "another program's"}, "model_damaged"),
        ({"classes": [{"value": 900, "name": "a"}]}, "model_damaged"),
        ({"provenance": None}, "model_damaged"),
    ],
)
def test_a_model_that_says_something_impossible_is_refused(store: ModelStore, tmp_path: Path, changes, code):
    with pytest.raises(ModelError) as caught:
        store.importFile(write_model(tmp_path / "heart.cfrmodel", **changes))
    assert caught.value.code == code and store.models() == ()


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_a_damaged_model_is_listed_with_its_problem_and_does_not_hide_the_others(
    store: ModelStore, content: bytes
):
    write_model(store.folder / "good.cfrmodel")
    (store.folder / "bad.cfrmodel").write_bytes(content)
    entries = {entry.name: entry.problem for entry in store.models()}
    assert entries["good"] is None and entries["bad"].code == "model_damaged" and entries["bad"].remedy


def test_a_zip_with_more_in_it_than_a_model_is_refused(store: ModelStore, tmp_path: Path):
    path = write_model(tmp_path / "heart.cfrmodel")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.py", "x")
    with pytest.raises(ModelError):
        store.importFile(path)


def test_the_same_model_twice_is_one_entry_and_another_of_the_same_name_gets_its_own(
    store: ModelStore, tmp_path: Path
):
    first = store.importFile(write_model(tmp_path / "a/heart.cfrmodel", b"one"))
    assert store.importFile(tmp_path / "a/heart.cfrmodel") == first
    second = store.importFile(write_model(tmp_path / "b/heart.cfrmodel", b"two"))
    assert (second.name, len(store.models())) == ("heart 2", 2)


def test_the_model_of_a_run_is_taken_over_when_the_run_is_finished(store: ModelStore, tmp_path: Path):
    run = RunFolder(tmp_path / "runs/run_0007")
    write_model(run.root / "model.cfrmodel")
    with pytest.raises(ModelError, match="run_0007 has not finished"):
        store.addFromRun(run.root)
    run.write_results({"status": "done"})
    entry = store.addFromRun(run.root)
    assert entry.name == "left_atrium_run_0007" and store.addFromRun(run.root) == entry


def test_a_removed_model_is_gone_with_its_compiled_copy_and_nothing_else(store: ModelStore, tmp_path: Path):
    entry = store.importFile(write_model(tmp_path / "heart.cfrmodel"))
    (entry.path.with_suffix(".openvino")).mkdir()
    other = store.importFile(write_model(tmp_path / "other.cfrmodel", b"other"))
    store.remove(entry)
    assert [path.name for path in store.folder.iterdir()] == ["other.cfrmodel"]
    with pytest.raises(ValueError):
        ModelStore(tmp_path / "elsewhere").remove(other)


def test_weights_are_listed_and_found_only_when_they_are_whole(tmp_path: Path, monkeypatch):
    tiny = OfficialWeights("vit_b", "sam_vit_b_01ec64.pth", "0" * 64, 5)
    monkeypatch.setitem(OFFICIAL_WEIGHTS, "vit_b", tiny)
    entries = weightsEntries(tmp_path)
    assert [entry.title for entry in entries] == ["SAM ViT-B", "SAM ViT-L", "SAM ViT-H"]
    assert all(
        entry.file is None and entry.url.startswith("https://dl.fbaipublicfiles.com") for entry in entries
    )
    (tmp_path / tiny.file_name).write_bytes(b"1234")
    assert weightsEntries(tmp_path)[0].file is None
    (tmp_path / tiny.file_name).write_bytes(b"12345")
    assert weightsEntries(tmp_path)[0].file == tmp_path / tiny.file_name
    removeWeights(tmp_path, "vit_b")
    assert list(tmp_path.iterdir()) == [] and "Apache" in licenseText()


def test_a_model_is_imported_in_steps_and_the_same_one_twice_is_one_model(store: ModelStore, tmp_path: Path):
    given = write_model(tmp_path / "heart.cfrmodel", weights=b"w" * (5 << 20))
    steps, sizes = store.importing(given), []
    try:
        while True:
            sizes.append(next(steps))
    except StopIteration as end:
        assert end.value.problem is None
    assert len(sizes) >= 15  # read, copied, and read again, a megabyte at a time
    assert store.importFile(given).path == store.models()[0].path
    assert len(store.models()) == 1


def test_an_import_given_up_half_way_leaves_nothing_behind(store: ModelStore, tmp_path: Path):
    steps = store.importing(write_model(tmp_path / "heart.cfrmodel", weights=b"w" * (3 << 20)))
    for _ in range(5):
        next(steps)
    steps.close()
    assert list(store.folder.iterdir()) == []
