"""A class that really dies in training: provoked, prevented by the deterministic head, caught by the guard.

The cause (see head_guard.py): the network learns to code a class as "all features zero", which an output
convolution cannot name in which no channel speaks for that class more than for the background.
"""

from __future__ import annotations

import copy

import pytest
import torch

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.retraining.head_guard import class_dice, crops_of_classes
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.events import read_events
from CFRTrain.runs.job import changed
from CFRTrain.training.loop import train
from Testing.engine.cohort import SHAPE, Cohort

PATCH = (16, 16, 16)
SEEDS = (0, 2, 3, 4, 5, 6)  # about four of five die
CHANGES = {
    "retrain.width": 8,
    "retrain.levels": 2,
    "retrain.steps": 100,
    "retrain.learning_rate": 4e-3,
    "retrain.augmentation": "none",
    "retrain.batch_labeled": 2,
    "retrain.checkpoint_every": 1000,
    "network_labeler.steps": 1,
}


def stage_of(root, seed: int, guard: bool, result: str = "student", **options: object) -> Retrainer:
    root.mkdir()
    cohort = Cohort(root, count=1)
    changes = {**CHANGES, "method": "supervised", "retrain.guard": guard, "retrain.result": result}
    job = changed(cohort.job, {**changes, "seed": seed})
    plan = Plan((1.0, 1.0, 1.0), PATCH, 0, Intensity("zscore", 0.5, 99.5), 0, SHAPE)
    return Retrainer(job, plan, cohort.store, cohort.ids, (), None, cohort.run, **options)


def trained(root, seed: int, deadly: bool, guard: bool) -> tuple[list[float], list[str]]:
    """Dice per class on the labeled case, and the codes of warnings, after a training with `seed`.

    deadly: with a head as `nn.Conv3d` might make it, in which no channel speaks for the second class.
    """
    stage = stage_of(root, seed, guard)
    if deadly:
        make_deadly(stage.trainee.models.student.head, seed)
    train(stage, stage.run, checkpoint_every=1000, log_every=1000)
    store = stage.batches.store
    crops = crops_of_classes(store.image("case_0001"), store.label("case_0001"), PATCH, 3)
    events = read_events(root / "events.jsonl")[0]
    warnings = [event["code"] for event in events if event["type"] == "warning"]
    return class_dice(stage.result_network(), crops, 3), warnings


@torch.no_grad()
def make_deadly(head: torch.nn.Conv3d, seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head.reset_parameters()
    head.weight[2] = torch.minimum(head.weight[2], head.weight[0] - 0.3)


@pytest.fixture(scope="module")
def dying_seed(tmp_path_factory) -> int:
    """A seed with which the second class ends at exactly 0 while the first is found."""
    for seed in SEEDS:
        dice, _ = trained(tmp_path_factory.mktemp("dying") / "run", seed, deadly=True, guard=False)
        if dice[2] == 0:
            assert dice[1] > 0.8
            return seed
    pytest.fail("No class died: the test no longer provokes what it is about.")


def test_the_deterministic_head_prevents_the_death(tmp_path, dying_seed):
    dice, warnings = trained(tmp_path / "run", dying_seed, deadly=False, guard=True)
    assert min(dice) > 0.8 and warnings == []


def test_the_guard_catches_the_death_and_brings_the_class_back(tmp_path, dying_seed):
    dice, warnings = trained(tmp_path / "run", dying_seed, deadly=True, guard=True)
    assert min(dice) > 0.8 and warnings == ["class_dead_refit"]


def test_a_restart_takes_a_warm_start_again_only_if_every_class_was_alive_in_it(tmp_path):
    teacher = stage_of(tmp_path / "teacher", 0, guard=False)
    train(teacher, teacher.run, checkpoint_every=1000, log_every=1000)
    alive = teacher.result_network().state_dict()
    dead = {name: tensor.clone() for name, tensor in alive.items()}
    dead["head.weight"][2], dead["head.bias"][2] = 0, -9
    for name, start in (("alive", alive), ("dead", dead)):
        stage = stage_of(tmp_path / name, 1, guard=True, warm_start=start)
        stage.step(0)
        stage._restart(1)
        student = stage.trainee.models.student
        assert (stage.restarts, stage.total_steps) == (1, 101)
        assert (weights_hash(student) == weights_hash(start)) == (name == "alive")
        begun_with = copy.deepcopy(student)
        begun_with.load_state_dict(start)
        assert stage.inspector.missing(begun_with) == ([] if name == "alive" else ["back"])


def test_a_moving_average_in_which_a_class_is_missing_is_not_kept_without_a_warning(tmp_path):
    stage = stage_of(tmp_path / "run", 0, guard=True, result="ema")
    with torch.no_grad():  # an average of the past, in which the class had not been found yet
        stage.trainee.models.teacher.head.bias[2] = -9
    stage.trainee.emas[0].update = lambda step: None
    train(stage, stage.run, checkpoint_every=1000, log_every=1000)
    events = read_events(tmp_path / "run/events.jsonl")[0]
    warnings = [(event["code"], event["text"]) for event in events if event["type"] == "warning"]
    assert [code for code, _ in warnings] == ["class_dead"] and "back" in warnings[0][1]
