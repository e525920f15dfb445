"""Checkpoints: after any damage or kill the right one, an older right one, or none."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from CFRTrain.runs import atomic
from CFRTrain.runs.checkpoints import CheckpointStore
from CFRTrain.runs.errors import DiskFullError

REPOSITORY = Path(__file__).resolve().parents[2]


def tensors_of(step: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return {
        "weight": torch.randn(3, 4, generator=generator),
        "half": torch.randn(5, generator=generator).to(torch.bfloat16),
        "count": torch.tensor(step),
        "empty": torch.zeros(0, 3),
        "flags": torch.tensor([True, False]),
    }


def state_of(step: int) -> dict:
    return {"seed": 7, "loss": 1 / 3 + step, "names": ["a", None, True], "deep": {"1": {"x": -0.0}}}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype and torch.equal(left[name], right[name]) for name in left
    )


def store_with(folder: Path, *steps: int, keep: int = 2) -> CheckpointStore:
    store = CheckpointStore(folder, keep=keep)
    for step in steps:
        store.save(step, tensors_of(step), state_of(step))
    return store


def test_a_checkpoint_comes_back_exactly(tmp_path):
    found = store_with(tmp_path / "a" / "b", 100).load_latest()
    assert found.step == 100 and found.state == state_of(100) and same(found.tensors, tensors_of(100))
    assert sorted(os.listdir(tmp_path / "a/b/step-00000100")) == ["state.json", "tensors.safetensors"]


def test_no_checkpoint_is_none(tmp_path):
    assert CheckpointStore(tmp_path / "nothing").load_latest() is None


def test_the_newest_are_kept(tmp_path):
    store = store_with(tmp_path, 1, 2, 10, 9_999_999)
    assert sorted(os.listdir(tmp_path)) == ["step-00000010", "step-09999999"]
    assert store.load_latest().step == 9_999_999


def test_saving_a_step_again_replaces_it(tmp_path):
    store = store_with(tmp_path, 5)
    store.save(5, tensors_of(6), state_of(6))
    assert same(store.load_latest().tensors, tensors_of(6))


def test_tensors_that_share_memory_or_lie_oddly_are_stored(tmp_path):
    base = torch.arange(24.0).reshape(2, 3, 2, 2, 1)
    odd = {
        "all": base,
        "part": base[1],
        "turned": base.mT,
        "last": base.to(memory_format=torch.channels_last_3d),
    }
    store = CheckpointStore(tmp_path)
    store.save(1, odd, {})
    assert same(store.load_latest().tensors, odd)


def test_a_state_that_is_no_json_is_refused_and_the_old_checkpoint_stays(tmp_path):
    store = store_with(tmp_path, 1)
    with pytest.raises((ValueError, TypeError)):
        store.save(2, tensors_of(2), {"loss": float("nan")})
    assert os.listdir(tmp_path) == ["step-00000001"] and store.load_latest().step == 1


def test_a_full_disk_keeps_the_old_checkpoint_and_leaves_no_rest(tmp_path, monkeypatch):
    store = store_with(tmp_path, 1)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(DiskFullError):
        store.save(2, tensors_of(2), {})
    assert os.listdir(tmp_path) == ["step-00000001"] and store.load_latest().step == 1


def test_what_a_kill_left_while_writing_is_ignored_and_cleared(tmp_path):
    store = store_with(tmp_path, 1)
    shutil.copytree(tmp_path / "step-00000001", tmp_path / ".tmp-00000002")
    assert store.load_latest().step == 1 and store.skipped == []
    store.save(3, tensors_of(3), {})
    assert sorted(os.listdir(tmp_path)) == ["step-00000001", "step-00000003"]


def test_damaged_checkpoints_do_not_push_out_good_ones(tmp_path):
    store = store_with(tmp_path, 1, 3, 4)
    for step in (3, 4):
        (tmp_path / f"step-{step:08d}" / "state.json").write_text("{")
    shutil.rmtree(tmp_path / "step-00000003")
    store_with(tmp_path, 1)
    (tmp_path / "step-00000004").mkdir(exist_ok=True)
    (tmp_path / "step-00000005").mkdir()
    assert store.load_latest().step == 1 and store.skipped == ["step-00000005", "step-00000004"]
    store.save(2, tensors_of(2), state_of(2))
    assert store.load_latest().step == 2 and store.skipped == []
    assert sorted(os.listdir(tmp_path)) == ["step-00000001", "step-00000002"]


def test_a_checkpoint_under_another_steps_name_is_not_used(tmp_path):
    store = store_with(tmp_path, 1)
    os.rename(tmp_path / "step-00000001", tmp_path / "step-00000002")
    assert store.load_latest() is None and store.skipped == ["step-00000002"]


def test_files_of_two_checkpoints_do_not_mix(tmp_path):
    store = store_with(tmp_path, 1, 2)
    shutil.copy(
        tmp_path / "step-00000001/tensors.safetensors", tmp_path / "step-00000002/tensors.safetensors"
    )
    assert store.load_latest().step == 1


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    store_with(folder, 100, 200)
    return folder


def damage(content: bytes, kind: str, share: float, value: int) -> bytes:
    place = min(int(share * len(content)), len(content) - 1)
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ value]) + content[place + 1 :]
    if kind == "zeros":
        return content[:place] + bytes(len(content) - place)
    return content[:place] + bytes([value]) + content[place:]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["00000100", "00000200"]),
            st.sampled_from(["state.json", "tensors.safetensors"]),
            st.sampled_from(["cut", "flip", "zeros", "insert", "remove"]),
            st.floats(0, 1),
            st.integers(1, 255),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_damage_never_gives_wrong_data(two_checkpoints, tmp_path_factory, damages):
    folder = tmp_path_factory.mktemp("damaged") / "store"
    shutil.copytree(two_checkpoints, folder)
    for step, name, kind, share, value in damages:
        path = folder / f"step-{step}" / name
        if kind == "remove":
            path.unlink(missing_ok=True)
        elif path.exists() and path.stat().st_size:
            path.write_bytes(damage(path.read_bytes(), kind, share, value))
    store = CheckpointStore(folder)
    found = store.load_latest()
    untouched = {"00000100", "00000200"} - {step for step, *_ in damages}
    if found is None:
        assert not untouched and len(store.skipped) == 2
    else:
        assert found.state == state_of(found.step) and same(found.tensors, tensors_of(found.step))
        assert not untouched or found.step >= int(max(untouched))
    shutil.rmtree(folder)


SAVER = (
    "import sys, torch\nfrom pathlib import Path\nfrom CFRTrain.runs.checkpoints import CheckpointStore\n"
    "store, step = CheckpointStore(Path(sys.argv[1])), 0\nprint('ready', flush=True)\n"
    "while True:\n    step += 1\n    value = torch.full((200_000,), float(step))\n"
    "    store.save(step, {'value': value}, {'step': step})\n"
)


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    newest = 0
    for attempt in range(2):
        command = [sys.executable, "-c", SAVER, str(tmp_path)]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        deadline = time.monotonic() + 20
        while not (tmp_path / f"step-{5 + attempt:08d}").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = CheckpointStore(tmp_path).load_latest()
        assert found is not None and found.state == {"step": found.step}
        assert torch.equal(found.tensors["value"], torch.full((200_000,), float(found.step)))
        newest = max(newest, found.step)
    assert newest >= 5
