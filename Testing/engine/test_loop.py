"""The training loop: killed, stopped and resumed, it ends where the uninterrupted one ends, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from CFRTrain.runs.checkpoints import CheckpointStore, weights_hash
from CFRTrain.runs.errors import CFRError, MemoryLimitError, ModelError, StopRequested
from CFRTrain.runs.events import read_events
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import derive_seed, train

KILLED_PROCESS = """
import sys
from pathlib import Path
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import train
from Testing.engine.test_loop import TinyStage
stage = TinyStage(total_steps=100_000, pause=0.002)
train(stage, RunFolder(Path(sys.argv[1])), checkpoint_every=3, log_every=10)
"""


class Killed(Exception):
    """Stands for a process that ends in the middle of a step."""


class TinyStage:
    """A dropout network whose batches and dropout come from the step's random state alone."""

    name = "tiny"
    seed = 3

    def __init__(self, total_steps: int = 20, pause: float = 0.0) -> None:
        self.total_steps, self.pause = total_steps, pause
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-2)
        self.kill_at: int | None = None
        self.value_at: dict[int, float] = {}
        self.resumed_at: list[int] = []

    def modules(self):
        return {"network": self.network}

    def optimizers(self):
        return {"main": self.optimizer}

    def on_resume(self, step):
        self.resumed_at.append(step)

    def step(self, step):
        time.sleep(self.pause)
        batch = torch.randn(6, 4)
        loss = self.network(batch).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        if step == self.kill_at:
            raise Killed
        self.optimizer.step()
        return {"loss": self.value_at.get(step, loss.item())}


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    stage = TinyStage()
    train(stage, RunFolder(tmp_path_factory.mktemp("whole")), checkpoint_every=4, log_every=5)
    return weights_hash(stage.network)


def events_of(run, kind):
    return [event for event in read_events(run.events.path)[0] if event["type"] == kind]


@pytest.mark.parametrize("kills", [(0,), (3, 4), (7, 7, 13), (19,)])
def test_killed_at_any_step_and_resumed_the_weights_are_identical(run, uninterrupted, kills):
    for kill_at in kills:
        stage = TinyStage()
        stage.kill_at = kill_at
        with pytest.raises(Killed):
            train(stage, run, checkpoint_every=4, log_every=5)
        torch.rand(5)  # another process has another random state
    stage = TinyStage()
    train(stage, run, checkpoint_every=4, log_every=5)
    assert weights_hash(stage.network) == uninterrupted


def test_stopped_and_resumed_the_weights_and_the_log_are_identical(run, tmp_path, uninterrupted):
    for stop_after in (6, 11):
        stage = TinyStage()
        inner = stage.step
        stage.step = lambda step, inner=inner, last=stop_after: (
            step == last and run.request_stop(),
            inner(step),
        )[1]
        with pytest.raises(StopRequested):
            train(stage, run, checkpoint_every=100, log_every=5)
        run.clear_stop()
    stage = TinyStage()
    train(stage, run, checkpoint_every=100, log_every=5)
    assert stage.resumed_at == [12]
    assert weights_hash(stage.network) == uninterrupted
    other = RunFolder(tmp_path / "other")
    other.root.mkdir()
    train(TinyStage(), other, checkpoint_every=4, log_every=5)
    logged = [[(e["name"], e["step"], e["value"]) for e in events_of(r, "metric")] for r in (run, other)]
    assert logged[0] == logged[1]


def test_a_process_killed_for_real_leaves_a_run_that_resumes_identically(tmp_path):
    root = tmp_path / "killed"
    root.mkdir()
    repository = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": str(repository),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_PROCESS, str(root)], env=environment, cwd=repository
    )
    deadline = time.monotonic() + 60
    while (
        CheckpointStore(root / "checkpoints" / "tiny").load_latest() is None and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    time.sleep(0.1)
    process.kill()
    assert process.wait() != 0
    reached = CheckpointStore(root / "checkpoints" / "tiny").load_latest().step
    resumed, whole = TinyStage(total_steps=reached + 5), TinyStage(total_steps=reached + 5)
    train(resumed, RunFolder(root), checkpoint_every=100, log_every=10)
    (tmp_path / "whole").mkdir()
    train(whole, RunFolder(tmp_path / "whole"), checkpoint_every=100_000, log_every=10)
    assert resumed.resumed_at == [reached]
    assert weights_hash(resumed.network) == weights_hash(whole.network)


def test_a_finished_stage_returns_at_once_with_its_weights(run, uninterrupted):
    train(TinyStage(), run, checkpoint_every=4, log_every=5)
    stage = TinyStage()
    stage.kill_at = 0
    train(stage, run, checkpoint_every=4, log_every=5)
    assert weights_hash(stage.network) == uninterrupted


def test_the_last_step_is_always_saved(run):
    train(TinyStage(total_steps=7), run, checkpoint_every=4, log_every=5)
    assert [event["step"] for event in events_of(run, "checkpoint")] == [4, 7]


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(run, uninterrupted):
    train(TinyStage(), run, checkpoint_every=4, log_every=5)
    newest = sorted((run.root / "checkpoints" / "tiny").iterdir())[-1]
    (newest / "tensors.safetensors").write_bytes(b"torn")
    stage = TinyStage()
    train(stage, run, checkpoint_every=4, log_every=5)
    assert stage.resumed_at == [16] and weights_hash(stage.network) == uninterrupted
    assert [event["code"] for event in events_of(run, "warning")] == ["checkpoint_skipped"]


def test_metrics_are_means_since_the_last_log(run):
    stage = TinyStage(total_steps=5)
    stage.value_at = dict(enumerate([1.0, 2.0, 6.0, 10.0, 20.0]))
    train(stage, run, checkpoint_every=100, log_every=3)
    logged = [(event["step"], event["value"]) for event in events_of(run, "metric")]
    assert logged == [(3, 3.0), (5, 15.0)]
    assert events_of(run, "metric")[0]["name"] == "tiny/loss"


def test_progress_says_how_long_it_will_take(run):
    train(TinyStage(total_steps=6, pause=0.01), run, checkpoint_every=100, log_every=3)
    progress = events_of(run, "progress")
    assert progress[-1]["step"] == progress[-1]["of"] == 6
    assert progress[-1]["seconds_left"] == 0 and progress[0]["seconds_left"] > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_checkpoint(run, value):
    stage = TinyStage()
    stage.value_at = {9: value}
    with pytest.raises(CFRError, match="learning rate") as caught:
        train(stage, run, checkpoint_every=4, log_every=5)
    assert caught.value.code == "training_diverged"
    assert CheckpointStore(run.root / "checkpoints" / "tiny").load_latest().step == 8


def test_weights_that_are_not_finite_are_never_saved(run):
    stage = TinyStage()
    inner = stage.step

    def poisoned(step):
        losses = inner(step)
        if step == 7:
            stage.network[0].weight.data[0, 0] = float("nan")
        return losses

    stage.step = poisoned
    with pytest.raises(CFRError, match="not finite"):
        train(stage, run, checkpoint_every=4, log_every=5)
    assert CheckpointStore(run.root / "checkpoints" / "tiny").load_latest().step == 4


def test_running_out_of_memory_says_what_to_make_smaller(run):
    stage = TinyStage()
    stage.step = lambda step: torch.empty(2**50)
    with pytest.raises(MemoryLimitError, match="patch"):
        train(stage, run, checkpoint_every=4, log_every=5)


def test_other_errors_of_a_step_are_not_disguised(run):
    stage = TinyStage()
    stage.step = lambda step: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        train(stage, run, checkpoint_every=4, log_every=5)


@pytest.mark.parametrize("change", ["seed", "network"])
def test_a_checkpoint_of_other_settings_is_refused(run, change):
    train(TinyStage(total_steps=4), run, checkpoint_every=4, log_every=5)
    stage = TinyStage()
    if change == "seed":
        stage.seed = 4
    else:
        stage.network = nn.Linear(4, 2)
    with pytest.raises(ModelError, match="other settings"):
        train(stage, run, checkpoint_every=4, log_every=5)


def test_the_stages_own_state_is_saved_and_may_lengthen_the_training(run):
    class Growing(TinyStage):
        grown = 0

        def step(self, step):
            if step == 2 and not self.grown:
                self.grown, self.total_steps = 1, self.total_steps + 3
            return super().step(step)

        def extra_state(self):
            return {"grown": self.grown, "total": self.total_steps}

        def load_extra_state(self, state):
            self.grown, self.total_steps = state["grown"], state["total"]

    stage = Growing(total_steps=6)
    stage.kill_at = 5
    with pytest.raises(Killed):
        train(stage, run, checkpoint_every=2, log_every=5)
    stage = Growing(total_steps=6)
    train(stage, run, checkpoint_every=2, log_every=5)
    assert stage.resumed_at == [4] and events_of(run, "checkpoint")[-1]["step"] == 9


def test_training_leaves_the_callers_random_state_alone(run):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(TinyStage(total_steps=3), run, checkpoint_every=4, log_every=5)
    assert torch.equal(torch.rand(3), expected)


def test_seeds_differ_by_run_stage_and_step():
    seeds = {derive_seed(seed, name, step) for seed in (0, 1) for name in ("a", "b") for step in (0, 1)}
    assert len(seeds) == 8 and all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(0, "retrain", 0) == derive_seed(0, "retrain", 0)


def test_the_checkpoint_holds_json_and_safetensors_only(run):
    train(TinyStage(total_steps=2), run, checkpoint_every=4, log_every=5)
    folder = run.root / "checkpoints" / "tiny" / "step-00000002"
    assert sorted(path.name for path in folder.iterdir()) == ["state.json", "tensors.safetensors"]
    json.loads((folder / "state.json").read_text(encoding="utf-8"))
