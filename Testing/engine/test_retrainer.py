"""Re-training: its batches, its loss, the guard, and that a killed run ends like an uninterrupted one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from CFRTrain.data.geometry import Geometry
from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.data.store import CaseStore
from CFRTrain.retraining.batches import _draw
from CFRTrain.retraining.head_guard import class_dice
from CFRTrain.retraining.methods import METHODS
from CFRTrain.retraining.retrainer import MAX_RESTARTS, Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import DataError, JobError
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import ClassSpec, changed, preset
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import train

SHAPE = (12, 16, 14)
PATCH = (8, 8, 8)
TINY = {
    "retrain.width": 4,
    "retrain.levels": 2,
    "retrain.steps": 6,
    "retrain.batch_labeled": 2,
    "retrain.batch_unlabeled": 2,
    "retrain.guard": False,
    "retrain.warmup": 0,
    "retrain.pairs": 0.0,
    "retrain.result": "student",
    "retrain.ramp_length": 6,
    "retrain.checkpoint_every": 2,
}


class Killed(Exception):
    """Stands for a process that ends between two steps."""


def volume(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A bright box (class 1) beside a brighter one (class 2), somewhere in noise."""
    rng = np.random.default_rng(seed)
    label = np.zeros(SHAPE, np.uint8)
    z, y, x = rng.integers(1, 4, 3)
    label[z : z + 7, y : y + 5, x : x + 8] = 1
    label[z : z + 7, y + 5 : y + 10, x : x + 8] = 2
    return (label * 2.0 - 1 + 0.3 * rng.normal(size=SHAPE)).astype(np.float32), label


class PseudoLabels:
    """Certain and right pseudo-labels."""

    def load(self, case_id):
        label = volume(int(case_id[1:]))[1]
        probabilities = np.stack([label == index for index in range(3)]).astype(np.float32)
        return SimpleNamespace(probabilities=probabilities, confidence=np.ones(SHAPE, np.float32))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Cases c0 and c1 with labels, c2 to c4 without."""
    store, grid = CaseStore(tmp_path_factory.mktemp("store")), Geometry(SHAPE, (1.0, 1.0, 1.0))
    for seed in range(5):
        image, label = volume(seed)
        store.put(f"c{seed}", image, label if seed < 2 else None, grid, grid)
    return store


@pytest.fixture
def build(store, tmp_path):
    """A function from changes of the job to a Retrainer on one labeled and three unlabeled cases."""

    def build(
        method="self_training",
        labeled=("c0",),
        unlabeled=("c2", "c3", "c4"),
        changes=None,
        run="run",
        **options,
    ):
        (tmp_path / run).mkdir(exist_ok=True)
        classes = (ClassSpec(1, "left"), ClassSpec(2, "right"))
        job = changed(preset("standard", classes, method=method), {**TINY, **(changes or {})})
        patch = options.pop("patch", PATCH)
        plan = Plan((1.0,) * 3, patch, 0, Intensity("zscore", 0, 100), 0, SHAPE)
        pseudo = options.pop("pseudo", PseudoLabels())
        return Retrainer(job, plan, store, labeled, unlabeled, pseudo, RunFolder(tmp_path / run), **options)

    return build


def train_all(stage):
    train(stage, stage.run, checkpoint_every=stage.job.retrain.checkpoint_every, log_every=1)


def warnings_of(stage):
    return [event["code"] for event in read_events(stage.run.events.path)[0] if event["type"] == "warning"]


@pytest.mark.parametrize("name", METHODS)
def test_one_labeled_case_is_enough_for_every_method(build, name):
    stage = build(name)
    before = weights_hash(stage.trainee.models.student)
    train_all(stage)
    assert weights_hash(stage.trainee.models.student) != before
    batch = stage.batches.batch(0, 0)
    assert batch.image_l.shape == (2, 1, *PATCH) and batch.label_l.shape == (2, *PATCH)
    assert not torch.equal(batch.image_l[0], batch.image_l[1])
    assert batch.image_u.shape[0] == (0 if name == "supervised" else 2)


@pytest.mark.parametrize("name", METHODS)
def test_without_unlabeled_cases_training_goes_on_with_the_labels(build, name):
    stage = build(name, unlabeled=())
    assert np.isfinite(stage.step(0)["loss"])


def test_a_network_learns_the_boxes_from_one_labeled_case(build, store):
    stage = build(
        "supervised", changes={"retrain.steps": 60, "retrain.width": 8, "retrain.learning_rate": 0.01}
    )
    for step in range(60):
        losses = stage.step(step)
    assert losses["loss"] < 0.45
    image, label = volume(1)
    crop = (torch.from_numpy(image)[None, None], torch.from_numpy(label.astype(np.int64))[None])
    assert min(class_dice(stage.result_network(), [crop], 3)) > 0.6


@pytest.mark.parametrize("name", METHODS)
def test_killed_and_resumed_the_weights_are_identical(build, name):
    changes = {"retrain.dropout": 0.3, "retrain.norm": "batch", "retrain.result": "ema"}
    whole = build(name, run="whole", changes=changes)
    train_all(whole)
    killed = build(name, changes=changes)
    inner = killed.step

    def dies(step):
        if step == 5:
            raise Killed
        return inner(step)

    killed.step = dies
    with pytest.raises(Killed):
        train_all(killed)
    torch.rand(3)
    resumed = build(name, changes=changes)
    train_all(resumed)
    for key, module in whole.modules().items():
        assert weights_hash(module) == weights_hash(resumed.modules()[key]), key


def test_the_loss_is_the_weighted_sum_of_its_terms(build):
    stage = build("mean_teacher", changes={"retrain.pseudo_weight": 0.7, "retrain.pseudo_decay": "linear"})
    for step in (0, 3):
        found = stage.step(step)
        weight = 0.7 * (1 - step / 6)
        consistency = stage.trainee.method.ramp(step) * found["consistency"]
        expected = found["supervised"] + weight * found["pseudo"] + consistency
        assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_without_pseudo_labels_or_weight_there_is_no_pseudo_term(build):
    assert "pseudo" not in build(pseudo=None).step(0)
    assert "pseudo" not in build(changes={"retrain.pseudo_weight": 0.0}).step(0)
    assert "pseudo" in build().step(0)


def test_a_batch_is_a_function_of_seed_and_step(build):
    first, second = build().batches, build().batches
    second.batch(0, 0)
    once, again = first.batch(3, 3), second.batch(3, 3)
    assert torch.equal(once.images, again.images) and torch.equal(once.probabilities_u, again.probabilities_u)
    assert not torch.equal(once.images, first.batch(4, 4).images)
    assert not torch.equal(once.images, build(changes={"seed": 1}).batches.batch(3, 3).images)


def test_image_label_and_pseudo_label_are_moved_by_the_same_draw(build):
    batches = build().batches
    object.__setattr__(batches.options, "intensity", None)
    for step in range(5):
        batch = batches.batch(step, step)
        expected_l = ((batch.image_l[:, 0] + 1) / 2).round().clamp(0, 2).long()
        assert (expected_l == batch.label_l).float().mean() > 0.85
        expected_u = ((batch.image_u[:, 0] + 1) / 2).round().clamp(0, 2).long()
        assert (expected_u == batch.probabilities_u.argmax(dim=1)).float().mean() > 0.85


def test_probabilities_sum_to_one_and_confidence_stays_in_range(build):
    batch = build().batches.batch(0, 0)
    assert torch.allclose(batch.probabilities_u.sum(dim=1), torch.ones(2, *PATCH), atol=1e-2)
    assert batch.confidence_u.min() >= 0 and batch.confidence_u.max() <= 1


def test_without_augmentation_patches_are_cut_as_they_are(build, store):
    batch = build(changes={"retrain.augmentation": "none"}).batches.batch(0, 0)
    windows = np.lib.stride_tricks.sliding_window_view(store.image("c0"), PATCH).reshape(-1, *PATCH)
    for image in batch.image_l[:, 0].numpy():
        assert np.abs(windows - image).max(axis=(1, 2, 3)).min() < 1e-4


def test_labeled_cases_of_a_batch_differ_when_there_are_two(build):
    drawn = build(labeled=("c0", "c1")).batches
    for step in range(5):
        generator = torch.Generator().manual_seed(step)
        assert sorted(_draw(drawn.labeled, 2, generator)) == ["c0", "c1"]


def test_exact_pairs_take_the_place_of_labeled_items(build):
    class Pairs:
        def sample(self, generator):
            return np.full(SHAPE, 9, np.float32), np.full(SHAPE, 2, np.uint8)

    none = {"retrain.augmentation": "none"}
    every = build(extra_pairs=Pairs(), pair_probability=1.0, changes=none).batches.batch(0, 0)
    assert bool((every.label_l == 2).all()) and bool((every.image_l == 9).all())
    assert not bool((every.image_u == 9).all())
    half = build(extra_pairs=Pairs(), changes={**none, "retrain.pairs": 0.5}).batches
    replaced = [bool((item == 2).all()) for step in range(40) for item in half.batch(step, step).label_l]
    assert 20 <= sum(replaced) <= 60


def test_the_learning_rate_follows_the_schedule_and_the_optimizer_the_job(build):
    changes = {"retrain.optimizer": "sgd", "retrain.schedule": "poly", "retrain.weight_decay": 1e-4}
    stage = build(changes={**changes, "retrain.learning_rate": 0.01})
    stage.step(3)
    group = stage.optimizer.param_groups[0]
    assert group["lr"] == pytest.approx(0.01 * 0.5**0.9)
    assert group["momentum"] == 0.9 and group["weight_decay"] == 1e-4


def test_the_learning_rate_rises_during_the_warm_up(build):
    stage = build(changes={"retrain.warmup": 4, "retrain.learning_rate": 1e-3, "retrain.schedule": "step"})
    stage.step(1)
    assert stage.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 2 / 4)


@pytest.mark.parametrize("limit", [0.0, 1e-3])
def test_the_gradient_is_clipped_to_the_jobs_norm(build, limit):
    stage = build(changes={"retrain.gradient_clip": limit})
    stage.step(0)
    norms = [parameter.grad.norm() for parameter in stage.trainee.models.student.parameters()]
    norm = torch.stack(norms).norm().item()
    assert norm == pytest.approx(limit, rel=1e-3) if limit else norm > 1e-2


def test_a_warm_start_takes_over_the_weights(build):
    weights = build(changes={"seed": 5}).result_network().state_dict()
    assert weights_hash(build(warm_start=weights).trainee.models.student) == weights_hash(weights)
    assert weights_hash(build().trainee.models.student) != weights_hash(weights)


def test_the_result_is_a_copy_of_the_student_or_of_its_moving_average(build):
    for kind in ("student", "ema"):
        stage = build(changes={"retrain.result": kind})
        stage.step(0)
        stage.step(1)
        models = stage.trainee.models
        wanted = models.student if kind == "student" else models.teacher
        result = stage.result_network()
        assert weights_hash(result) == weights_hash(wanted) and result is not wanted
        assert not result.training and models.student.training
        assert all(tensor.is_contiguous() for tensor in result.state_dict().values())


def test_the_teacher_follows_the_student_from_step_to_step(build):
    models = (stage := build("mean_teacher")).trainee.models
    stage.step(0)
    assert weights_hash(models.teacher) == weights_hash(models.student)
    before = models.teacher.head.weight.clone()
    stage.step(1)
    middle = (before + models.student.head.weight) / 2
    assert not torch.equal(before, models.student.head.weight)
    assert torch.allclose(models.teacher.head.weight, middle, atol=1e-6)


def test_the_guard_refits_a_head_that_cannot_name_a_class(build):
    changes = {"retrain.guard": True, "retrain.learning_rate": 1e-6}
    stage = build("mean_teacher", changes=changes)
    with torch.no_grad():
        stage.trainee.models.student.head.bias[2] = -1.5
        stage.trainee.models.student.head.weight[2] = 0
    train_all(stage)
    assert stage.checks == (6,) and warnings_of(stage) == ["class_dead_refit"]
    models = stage.trainee.models
    assert weights_hash(models.teacher.head) == weights_hash(models.student.head)


def make_deadly(stage, times):
    """The inspector finds a dead class so many times; the checks come early."""
    stage.checks = (2, 4, 6)
    answers = iter([["right"]] * times)
    stage.inspector.revive = lambda *given: next(answers, [])
    return stage


def guarded(build, times, run="run"):
    return make_deadly(build("mean_teacher", changes={"retrain.guard": True}, run=run), times)


def test_a_class_that_stays_dead_starts_training_anew_with_another_initialization(build):
    stage = guarded(build, times=1)
    first = weights_hash(stage.trainee.models.student)
    stage.step(0)
    stage.step(1)
    assert stage.started_at == 2 and stage.total_steps == 8
    assert weights_hash(stage.trainee.models.student) not in (first, None)
    assert weights_hash(stage.trainee.models.student) == weights_hash(stage.trainee.models.teacher)
    assert not stage.optimizer.state
    assert warnings_of(stage) == ["class_dead_restart"]
    stage.step(2)
    assert stage.optimizer.param_groups[0]["lr"] == stage.job.retrain.learning_rate


def test_restarts_end_and_the_last_word_is_a_warning(build):
    stage = guarded(build, times=99)
    train_all(stage)
    assert stage.restarts == MAX_RESTARTS
    assert warnings_of(stage) == ["class_dead_restart"] * MAX_RESTARTS + ["class_dead"] * 3


def test_a_restart_survives_a_kill(build):
    whole = guarded(build, times=1, run="whole")
    train_all(whole)
    killed = guarded(build, times=1)
    inner = killed.step

    def dies(step):
        if step == 5:
            raise Killed
        return inner(step)

    killed.step = dies
    with pytest.raises(Killed):
        train_all(killed)
    resumed = guarded(build, times=0)
    train_all(resumed)
    assert resumed.total_steps == 8 and resumed.restarts == 1
    for key, module in whole.modules().items():
        assert weights_hash(module) == weights_hash(resumed.modules()[key]), key


def test_a_guard_that_is_off_never_looks(build):
    stage = build()
    stage.inspector.revive = None
    train_all(stage)
    assert stage.checks == ()


def test_what_cannot_be_trained_is_refused_with_a_remedy(build):
    with pytest.raises(JobError, match="Label at least one"):
        build(labeled=())
    with pytest.raises(DataError, match=r"\[c2\].*no label"):
        build(labeled=("c2",))
    with pytest.raises(JobError, match="multiple of 2"):
        build(patch=(8, 9, 8))
    with pytest.raises(JobError, match="mean_teacher"):
        build("telepathy")
    with pytest.raises(JobError, match="widen"):
        build(changes={"retrain.width": 2})
