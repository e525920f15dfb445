"""`suggest`: for volumes nothing is known of, for a list of cases, for a finished run; its errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from CFRTrain.cli.suggesting import suggestion_table
from CFRTrain.data.geometry import Geometry
from CFRTrain.data.volumes import read_volume
from CFRTrain.pipeline import run_all
from CFRTrain.runs.events import read_events
from CFRTrain.runs.run_folder import RunFolder
from Testing.engine.cli_tools import of_type, say
from Testing.engine.tiny_run import tiny_run

Pairs = list[tuple[Path, Path]]


@pytest.fixture
def images(tmp_path: Path, hippocampus: Pairs) -> Path:
    """A folder with six real volumes."""
    folder = tmp_path / "images"
    folder.mkdir()
    for image, _ in hippocampus[:6]:
        shutil.copyfile(image, folder / image.name)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on one labeled and three unlabeled phantoms; a network labels sooner than the atlas."""
    root = tmp_path_factory.mktemp("finished") / "run"
    run_all(tiny_run(root, labeler="network", **{"network_labeler.pairs": 0.0, "retrain.pairs": 0.0}))
    return root


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def middle(array: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The part of `sides` voxels in the middle of an array."""
    cuts = [slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(array.shape, sides, strict=True)]
    return array[tuple(cuts)]


def suggested(content: dict) -> list[str]:
    return [entry["case"] for entry in content["suggestions"]]


def test_of_real_volumes_the_first_is_the_one_that_correlates_most_with_all(images: Path, tmp_path, capsys):
    output = tmp_path / "asked.json"
    code, messages = say(capsys, "suggest", images, "--count", 2, "--threads", 1, "--output", output)
    content = json.loads(output.read_text())
    entries = of_type(messages, "suggestion")
    assert code == 0
    assert (content["basis"], content["unlabeled"], content["labeled"]) == ("cold_start", 6, 0)
    assert [entry["case"] for entry in entries] == suggested(content)
    assert entries[0]["reasons"][0]["code"] == "typical"
    assert not (images / "suggestions.json").exists()
    # independently: correlation of smooth volumes, their middles laid on each other, cut to the smallest
    arrays = {path.name[:-7]: read_volume(path, path.name).array for path in images.iterdir()}
    sides = np.min([array.shape for array in arrays.values()], axis=0)
    smooth = {name: gaussian_filter(array.astype(float), 3) for name, array in arrays.items()}
    mean = np.corrcoef([middle(array, sides).ravel() for array in smooth.values()]).mean(1)
    assert entries[0]["case"] in [list(smooth)[index] for index in np.argsort(-mean)[:2]]


def test_a_labeled_volume_is_not_suggested_and_moves_the_choice(images: Path, hippocampus, tmp_path, capsys):
    _, messages = say(capsys, "suggest", images, "--count", 1)
    first = of_type(messages, "suggestion")[0]["case"]
    labels = tmp_path / "labels"
    labels.mkdir()
    shutil.copyfile(dict((i.name[:-7], label) for i, label in hippocampus)[first], labels / f"{first}.nii.gz")
    code, messages = say(capsys, "suggest", images, "--labels", labels, "--count", 9)
    entries = of_type(messages, "suggestion")
    assert (code, len(entries)) == (0, 5)
    assert first not in [entry["case"] for entry in entries]
    assert of_type(messages, "suggestions")[0]["basis"] == "images"


def test_a_list_of_cases_without_a_job_is_enough(images: Path, tmp_path: Path, capsys):
    paths = sorted(images.iterdir())
    entries = [
        {"id": f"c{index}", "image": f"images/{path.name}", "label": None, "role": "unlabeled"}
        for index, path in enumerate(paths)
    ]
    (tmp_path / "cases.json").write_text(json.dumps({"format": 1, "cases": entries}))
    assert say(capsys, "suggest", tmp_path, "--count", 3)[0] == 0
    first = json.loads((tmp_path / "suggestions.json").read_text())
    assert say(capsys, "suggest", tmp_path, "--count", 3)[0] == 0
    assert json.loads((tmp_path / "suggestions.json").read_text()) == first
    assert len(set(suggested(first)) & {f"c{index}" for index in range(6)}) == 3


def test_a_finished_run_is_asked_what_it_is_unsure_of(run: Path, capsys):
    code, messages = say(capsys, "suggest", run, "--slices", 2)
    content = json.loads((run / "suggestions.json").read_text())
    unlabeled = {case.id for case in RunFolder(run).cases() if case.role == "unlabeled"}
    assert (code, content["basis"], set(suggested(content))) == (0, "predictions", unlabeled)
    for entry in content["suggestions"]:
        parts = (entry["uncertainty"], entry["disagreement"], entry["absence"])
        assert entry["score"] == pytest.approx(sum(parts), abs=2e-4)
        assert all(0 <= part <= 1 for part in parts)
        assert entry["reasons"]
        assert len(entry["slices"]) == 2
        image = next(case.image for case in RunFolder(run).cases() if case.id == entry["case"])
        geometry: Geometry = read_volume(image, entry["case"]).geometry
        for item in entry["slices"]:
            assert round(geometry.index(item["position_lps_mm"])[item["axis"]]) == item["index"]
    assert [entry["case"] for entry in of_type(messages, "suggestion")] == suggested(content)


def test_a_run_is_asked_about_a_cohort_that_has_changed_since(run: Path, tmp_path: Path, capsys, hippocampus):
    """One case has been labeled, one is new: the first is not suggested any more, the second has no score."""
    say(capsys, "suggest", run)
    before = json.loads((run / "suggestions.json").read_text())
    done, cases = suggested(before)[0], RunFolder(run).cases()
    files = sorted(path.name for path in run.iterdir())
    label = next(case.label for case in cases if case.role == "labeled")
    roles = {case.id: "unlabeled" if case.role == "unlabeled" else "labeled" for case in cases}
    entries = [
        {"id": case.id, "image": str(case.image), "label": str(label), "role": role}
        for case, role in zip(cases, {**roles, done: "labeled"}.values(), strict=True)
    ]
    entries.append({"id": "new", "image": str(hippocampus[0][0]), "label": None, "role": "unlabeled"})
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "cases.json").write_text(json.dumps({"format": 1, "cases": entries}))
    code, messages = say(capsys, "suggest", tmp_path / "asked", "--run", run)
    content = json.loads((tmp_path / "asked" / "suggestions.json").read_text())
    scores = {entry["case"]: entry.get("score") for entry in before["suggestions"]}
    found = {entry["case"]: entry.get("score") for entry in content["suggestions"]}
    assert (code, content["basis"], content["unlabeled"]) == (0, "predictions", 3)
    assert found == {**{case: score for case, score in scores.items() if case != done}, "new": None}
    assert sorted(path.name for path in run.iterdir()) == files
    assert json.loads((run / "suggestions.json").read_text()) == before
    (run / "results.json").unlink()
    code, messages = say(capsys, "suggest", tmp_path / "asked", "--run", run)
    assert (code, of_type(messages, "error")[0]["code"]) == (2, "run_unfinished")


def test_asking_again_gives_the_same_and_computes_nothing_anew(run: Path, capsys, monkeypatch):
    say(capsys, "suggest", run)
    before = (run / "suggestions.json").read_bytes()
    monkeypatch.setattr("CFRTrain.stages.scoring_cases.predict_probabilities", None)
    assert say(capsys, "suggest", run)[0] == 0
    assert (run / "suggestions.json").read_bytes() == before


def test_what_was_kept_and_then_damaged_is_computed_again(run: Path, capsys):
    say(capsys, "suggest", run)
    before = (run / "suggestions.json").read_bytes()
    kept = sorted((run / "suggestions").iterdir())
    kept[0].write_text("{")
    kept[1].write_text(kept[1].read_text().replace('"uncertainty"', '"other"'))
    assert say(capsys, "suggest", run)[0] == 0
    assert (run / "suggestions.json").read_bytes() == before


def test_a_lost_pseudo_label_is_said_and_the_network_judges_alone(run: Path, capsys):
    lost = next((run / "pseudo_labels" / "network").iterdir())
    lost.write_bytes(b"damaged")
    assert say(capsys, "suggest", run)[0] == 0
    entries = json.loads((run / "suggestions.json").read_text())["suggestions"]
    assert len(entries) == 3
    assert all((entry["disagreement"] == 0) == (entry["case"] == lost.stem) for entry in entries)
    events, _ = read_events(run / "events.jsonl", 0)
    assert any(event["type"] == "warning" and lost.stem in event["text"] for event in events)


def test_an_unfinished_run_is_answered_by_its_images(tmp_path: Path, capsys):
    tiny_run(tmp_path / "run")
    code, messages = say(capsys, "suggest", tmp_path / "run", "--count", 1)
    assert (code, of_type(messages, "suggestions")[0]["basis"]) == (0, "images")
    assert "score" not in of_type(messages, "suggestion")[0]


def test_a_damaged_volume_is_named(images: Path, capsys):
    broken = sorted(images.iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:900])
    code, messages = say(capsys, "suggest", images)
    assert code == 3
    assert of_type(messages, "error")[0]["case"] == broken.name[:-7]
    assert of_type(messages, "finished")[0]["status"] == "failed"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "no_volumes"),
        (("--count", 0), "bad_option"),
        (("--embedding", "sam"), "no_run"),
    ],
)
def test_what_cannot_be_answered_is_said(tmp_path: Path, hippocampus: Pairs, capsys, options, code: str):
    if options:
        shutil.copyfile(hippocampus[0][0], tmp_path / "a.nii.gz")
    exit_code, messages = say(capsys, "suggest", tmp_path, *options)
    assert exit_code == 2
    assert of_type(messages, "error")[0]["code"] == code


def test_a_cohort_that_is_labeled_throughout_has_nothing_to_suggest(tmp_path: Path, hippocampus, capsys):
    image, label = hippocampus[0]
    for folder, path in (("images", image), ("labels", label)):
        (tmp_path / folder).mkdir()
        shutil.copyfile(path, tmp_path / folder / "a.nii.gz")
    code, messages = say(capsys, "suggest", tmp_path / "images", "--labels", tmp_path / "labels")
    assert (code, of_type(messages, "error")[0]["code"]) == (2, "nothing_to_label")


def test_sam_embeddings_without_sams_weights_are_refused(run: Path, capsys):
    code, messages = say(capsys, "suggest", run, "--embedding", "sam")
    assert (code, of_type(messages, "error")[0]["code"]) == (2, "no_sam")


def test_a_stop_file_ends_the_verb_and_leaves_no_suggestions(run: Path, tmp_path: Path, capsys):
    (tmp_path / "stop").touch()
    code, messages = say(capsys, "suggest", run, "--stop-file", tmp_path / "stop")
    assert code == 130 or of_type(messages, "finished")[0]["status"] == "stopped"
    assert not (run / "suggestions.json").exists()


def test_the_table_gives_every_reason_and_the_slices(run: Path, capsys):
    say(capsys, "suggest", run, "--slices", 1)
    content = json.loads((run / "suggestions.json").read_text())
    table = suggestion_table(content)
    for entry in content["suggestions"]:
        assert all(reason["text"] in table for reason in entry["reasons"])
        assert f"{entry['case']}: correct first the slices z = {entry['slices'][0]['index']}" in table
