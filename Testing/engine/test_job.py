"""The job: strict JSON in both directions, presets, changes, and the case list."""

from __future__ import annotations

import dataclasses
import json
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.runs.errors import CFRError, JobError
from CFRTrain.runs.job import (
    ClassSpec,
    FineTune,
    Job,
    Predict,
    changed,
    job_from_json,
    job_to_json,
    preset,
    read_cases,
)
from CFRTrain.runs.presets import PRESETS

ATRIUM = (ClassSpec(1, "left atrium"),)
MINIMAL = {"classes": [{"value": 1, "name": "left atrium"}]}

names = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=20).filter(
    lambda name: name.strip() and name.isprintable()
)
colors = st.none() | st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def class_lists(draw) -> tuple[ClassSpec, ...]:
    values = draw(st.lists(st.integers(1, 254), min_size=1, max_size=6, unique=True))
    return tuple(ClassSpec(value, f"{draw(names)}_{value}", draw(colors)) for value in values)


changes = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**62),
        "modality": st.sampled_from(["MR", "CT"]),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:3", "mps"]),
        "threads": st.integers(0, 64),
        "plan.spacing_mm_zyx": st.none() | st.tuples(*[st.floats(0.01, 20)] * 3),
        "plan.patch_zyx": st.none() | st.tuples(*[st.integers(8, 400)] * 3),
        "plan.slicing_axis": st.none() | st.integers(0, 2),
        "finetune.weights": st.none() | names,
        "finetune.learning_rate": st.floats(1e-9, 1),
        "atlas.resolution_mm": st.none() | st.floats(0.1, 9),
        "retrain.steps": st.integers(1, 10**6),
        "retrain.dropout": st.floats(0, 0.99),
        "retrain.guard": st.booleans(),
        "retrain.pseudo_decay": st.sampled_from(["none", "linear", "cosine"]),
        "predict.overlap": st.floats(0, 0.9),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PRESETS)), class_lists(), changes)
def test_a_job_survives_its_json(name, classes, different):
    job = preset(name, classes, **different)
    text = job_to_json(job)
    assert job_from_json(text) == job
    assert job_to_json(job_from_json(text)) == text


def test_a_whole_job_can_be_three_lines():
    job = job_from_json(json.dumps(MINIMAL))
    assert job == preset("standard", ATRIUM)
    assert job.format == 1 and job.finetune == FineTune() and job.predict == Predict()


def test_what_a_job_leaves_out_comes_from_its_preset():
    job = job_from_json(json.dumps({**MINIMAL, "preset": "paper", "retrain": {"steps": 30000}}))
    assert job == preset("paper", ATRIUM, **{"retrain.steps": 30000})
    assert job.retrain.norm == "batch" and job.retrain.steps == 30000


def test_the_paper_preset_holds_the_published_values():
    job = preset("paper", ATRIUM)
    fine, again = job.finetune, job.retrain
    assert (job.labeler, job.method) == ("sam", "mean_teacher")
    assert (fine.model, fine.canvas, fine.steps, fine.batch, fine.rank) == ("vit_b", 1024, 6000, 2, 4)
    assert (fine.learning_rate, fine.weight_decay, fine.warmup) == (1e-3, 0.1, 0)
    assert (again.network, again.width, again.levels, again.norm, again.dropout) == (
        "vnet",
        16,
        5,
        "batch",
        0.5,
    )
    assert (again.optimizer, again.learning_rate, again.weight_decay) == ("sgd", 0.01, 1e-4)
    assert (again.steps, again.schedule, again.batch_labeled, again.batch_unlabeled) == (6000, "step", 2, 2)
    assert (again.pseudo_weight, again.pseudo_decay, again.confidence_gamma) == (1.0, "none", 0.0)
    assert (again.consistency, again.ramp_length, again.ema_decay, again.result) == (0.1, 40, 0.99, "student")


def test_the_preview_is_a_small_fraction_of_the_standard():
    quick, standard = preset("preview", ATRIUM), preset("standard", ATRIUM)
    assert (
        quick.retrain.steps * quick.retrain.width**2 < standard.retrain.steps * standard.retrain.width**2 / 20
    )


BAD = [
    ("classes.0.value", {"classes": [{"value": 0, "name": "a"}]}),
    ("classes.0.value", {"classes": [{"value": 255, "name": "a"}]}),
    ("classes.0.value", {"classes": [{"value": True, "name": "a"}]}),
    ("classes.0.value", {"classes": [{"value": 1.0, "name": "a"}]}),
    ("classes.0.value", {"classes": [{"name": "a"}]}),
    ("classes.0.name", {"classes": [{"value": 1, "name": "  "}]}),
    ("classes.0.color", {"classes": [{"value": 1, "name": "a", "color": [0, 0]}]}),
    ("classes.0.color", {"classes": [{"value": 1, "name": "a", "color": [0, 0, 256]}]}),
    ("classes.1.value", {"classes": [{"value": 1, "name": "a"}, {"value": 1, "name": "b"}]}),
    ("classes.1.name", {"classes": [{"value": 1, "name": "a"}, {"value": 2, "name": "A"}]}),
    ("classes", {"classes": []}),
    ("classes", {}),
    ("format", {**MINIMAL, "format": 2}),
    ("seed", {**MINIMAL, "seed": -1}),
    ("seed", {**MINIMAL, "seed": "1"}),
    ("preset", {**MINIMAL, "preset": "fast"}),
    ("preset", {**MINIMAL, "preset": ["preview"]}),
    ("modality", {**MINIMAL, "modality": "PET"}),
    ("labeler", {**MINIMAL, "labeler": None}),
    ("method", {**MINIMAL, "method": "../evil"}),
    ("device", {**MINIMAL, "device": "tpu"}),
    ("threads", {**MINIMAL, "threads": -1}),
    ("trheads", {**MINIMAL, "trheads": 1}),
    ("retrain", {**MINIMAL, "retrain": 3}),
    ("retrain.stepz", {**MINIMAL, "retrain": {"stepz": 1}}),
    ("retrain.steps", {**MINIMAL, "retrain": {"steps": 0}}),
    ("retrain.dropout", {**MINIMAL, "retrain": {"dropout": 1}}),
    ("retrain.learning_rate", {**MINIMAL, "retrain": {"learning_rate": 10**400}}),
    ("retrain.guard", {**MINIMAL, "retrain": {"guard": 1}}),
    ("finetune.rank", {**MINIMAL, "finetune": {"rank": 0}}),
    ("finetune.canvas", {**MINIMAL, "finetune": {"canvas": 7}}),
    ("plan.patch_zyx", {**MINIMAL, "plan": {"patch_zyx": [16, 16]}}),
    ("plan.patch_zyx.2", {**MINIMAL, "plan": {"patch_zyx": [16, 16, 16.5]}}),
    ("plan.spacing_mm_zyx", {**MINIMAL, "plan": {"spacing_mm_zyx": [1, 1, 0]}}),
    ("atlas.atlases", {**MINIMAL, "atlas": {"atlases": 0}}),
    ("network_labeler.pairs", {**MINIMAL, "network_labeler": {"pairs": 1.5}}),
    ("predict.overlap", {**MINIMAL, "predict": {"overlap": 0.95}}),
]


@pytest.mark.parametrize(("place", "content"), BAD, ids=[f"{place}-{i}" for i, (place, _) in enumerate(BAD)])
def test_a_mistake_is_named_with_its_dotted_path(place, content):
    with pytest.raises(JobError) as caught:
        job_from_json(json.dumps(content))
    assert caught.value.text.startswith(f"{place}: ")
    assert caught.value.remedy and caught.value.exit_code == 2


def test_a_misspelled_key_gets_a_proposal():
    with pytest.raises(JobError, match="did you mean steps"):
        job_from_json(json.dumps({**MINIMAL, "retrain": {"step": 3}}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "\x00",
        "[" * 100_000,
        '{"seed": 1, "seed": 2, "classes": []}',
        '{"classes": [{"value": 1, "name": "a"}], "retrain": {"learning_rate": NaN}}',
        '{"classes": [{"value": 1, "name": "a"}], "retrain": {"learning_rate": 1e999}}',
    ],
)
def test_what_is_no_job_is_a_job_error(text):
    with pytest.raises(JobError):
        job_from_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
places = [name for name in job_to_json(preset("standard", ATRIUM)).split('"')[1::2] if name.isidentifier()]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([item.name for item in dataclasses.fields(Job)]), st.sampled_from(places), json_values)
def test_any_value_anywhere_gives_a_job_or_a_job_error(section, name, value):
    plain = json.loads(job_to_json(preset("standard", ATRIUM)))
    if isinstance(plain[section], dict):
        plain[section][name] = value
    else:
        plain[section] = value
    try:
        job = job_from_json(json.dumps(plain))
    except JobError:
        return
    assert job_from_json(job_to_json(job)) == job
    hints = typing.get_type_hints(Job)
    assert all(
        isinstance(getattr(job, field), kind) for field, kind in hints.items() if isinstance(kind, type)
    )


def test_changes_by_dotted_path_leave_the_rest_alone():
    job = preset("standard", ATRIUM, seed=3)
    other = changed(job, {"retrain.steps": 7, "predict": Predict(overlap=0.25)})
    assert other.retrain.steps == 7 and other.predict.overlap == 0.25
    assert changed(other, {"retrain.steps": job.retrain.steps, "predict.overlap": 0.5}) == job


@pytest.mark.parametrize("path", ["retrain.nothing", "nothing", "seed.deep", "retrain.steps.deep"])
def test_a_change_that_goes_nowhere_is_a_job_error(path):
    with pytest.raises(JobError, match="unknown"):
        changed(preset("standard", ATRIUM), {path: 1})


def test_an_unknown_preset_is_a_job_error():
    with pytest.raises(JobError, match="preview, standard, paper"):
        preset("best", ATRIUM)


def test_a_job_cannot_be_altered_or_built_wrong():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("standard", ATRIUM).seed = 1
    with pytest.raises((ValueError, CFRError)):
        dataclasses.replace(preset("standard", ATRIUM), seed=-1)


def write_cases(folder, *cases, **extra):
    (folder / "cases.json").write_text(json.dumps({"format": 1, "cases": list(cases), **extra}))
    return folder / "cases.json"


def test_cases_are_read_with_paths_from_the_folder_of_the_list(tmp_path):
    path = write_cases(
        tmp_path,
        {
            "id": "case_0001",
            "role": "labeled",
            "image": "in/a.nii.gz",
            "label": "in/b.nii.gz",
            "sha256": "0" * 64,
        },
        {"id": "case_0002", "role": "unlabeled", "image": "../c.nii.gz"},
    )
    first, second = read_cases(path)
    assert (first.id, first.role, first.sha256) == ("case_0001", "labeled", "0" * 64)
    assert (first.image, first.label) == (tmp_path / "in/a.nii.gz", tmp_path / "in/b.nii.gz")
    assert second.image.resolve() == tmp_path.parent / "c.nii.gz" and second.label is None


GOOD = {"id": "a", "role": "unlabeled", "image": "x"}


@pytest.mark.parametrize(
    "cases",
    [
        [GOOD, GOOD],
        [GOOD, {**GOOD, "id": "A"}],
        [{**GOOD, "id": "../a"}],
        [{**GOOD, "id": ""}],
        [{**GOOD, "image": None}],
        [{**GOOD, "image": ""}],
        [{**GOOD, "image": "a\0b"}],
        [{**GOOD, "role": "test"}],
        [{**GOOD, "role": ["labeled"]}],
        [{**GOOD, "role": "labeled"}],
        [{**GOOD, "role": "validation", "label": None}],
        [{**GOOD, "sha256": "abc"}],
        [{**GOOD, "patient": "Doe"}],
        [{"id": "a", "role": "unlabeled"}],
        ["a"],
    ],
)
def test_a_bad_case_list_is_a_job_error(tmp_path, cases):
    with pytest.raises(JobError, match="cases"):
        read_cases(write_cases(tmp_path, *cases))


def test_a_missing_or_broken_case_list_is_a_job_error(tmp_path):
    for content in (None, b"{", b"\xff\xfe", b"[]", b'{"format": 2, "cases": []}'):
        if content is not None:
            (tmp_path / "cases.json").write_bytes(content)
        with pytest.raises(JobError):
            read_cases(tmp_path / "cases.json")
