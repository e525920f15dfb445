"""The store of prepared cases: whole or not there, verified, bounded in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from CFRTrain.data import store as store_module
from CFRTrain.data.geometry import Geometry
from CFRTrain.data.store import CaseStore
from CFRTrain.runs.errors import DataError

ORIGINAL = Geometry(
    (9, 10, 11), (1.0, 0.5, 0.25), (1.0, 2.0, 3.0), (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
)
PLANNED = Geometry((4, 5, 6), (2.0, 1.0, 0.5))


def filled(folder: Path, count: int = 3, limit: int = 1 << 20) -> CaseStore:
    store = CaseStore(folder, limit)
    for index in range(count):
        image = np.full(PLANNED.size_zyx, index + 0.5, np.float32)
        store.put(f"c{index}", image, (image > 1).astype(np.uint8) if index else None, ORIGINAL, PLANNED)
    return store


def test_a_case_comes_back_as_it_was_put(tmp_path):
    filled(tmp_path)
    store = CaseStore(tmp_path)
    assert store.cases() == ("c0", "c1", "c2") and store.has("c1") and not store.has("c9")
    assert store.image("c1").dtype == np.float32 and (store.image("c1") == 1.5).all()
    assert (
        store.label("c0") is None and (store.label("c2") == 1).all() and store.label("c2").dtype == np.uint8
    )
    assert store.geometry("c0") == ORIGINAL and store.planned_geometry("c0") == PLANNED
    assert not list(tmp_path.glob("*/.*"))


def test_a_case_can_be_replaced_and_arrays_cannot_be_changed(tmp_path):
    store = filled(tmp_path)
    assert store.image("c1")[0, 0, 0] == 1.5
    store.put("c1", np.zeros(PLANNED.size_zyx), None, ORIGINAL, PLANNED)
    assert not store.image("c1").any() and store.label("c1") is None
    with pytest.raises(ValueError):
        store.image("c1")[0, 0, 0] = 1
    with pytest.raises(ValueError):
        store.put("c1", np.zeros((2, 2, 2)), None, ORIGINAL, PLANNED)


def test_memory_holds_the_recently_used_cases_up_to_its_limit(tmp_path):
    one = PLANNED.size_zyx[0] * 5 * 6 * 4
    store = filled(tmp_path, 6, limit=2 * one)
    first = store.image("c0")
    for index in (1, 0, 2):
        store.image(f"c{index}")
    assert store.image("c0") is first
    for index in range(6):
        store.image(f"c{index}")
        assert store._cached_bytes == sum(array.nbytes for array in store._cache.values()) <= 2 * one
    assert isinstance(filled(tmp_path, 1, limit=10).image("c0"), np.memmap)


def test_a_file_is_verified_once_until_it_changes(tmp_path, monkeypatch):
    store, read = filled(tmp_path, 2, limit=10), []
    checksum = store_module._file_checksum
    monkeypatch.setattr(store_module, "_file_checksum", lambda path: read.append(path) or checksum(path))
    for _ in range(3):
        assert isinstance(store.image("c1"), np.memmap) and store.label("c1").any()
    assert [path.name for path in read] == ["image.npy", "label.npy"]
    path = tmp_path / "c1" / "image.npy"
    before = path.stat()
    store.put("c1", np.full(PLANNED.size_zyx, 7.0), None, ORIGINAL, PLANNED)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as where two writes share one clock tick
    assert (store.image("c1") == 7).all()
    path.write_bytes(path.read_bytes()[:-1] + b"0")
    with pytest.raises(DataError):
        store.image("c1")


@pytest.mark.parametrize("name", ["image.npy", "label.npy", "case.json"])
def test_damaged_prepared_data_names_its_case(tmp_path, name):
    filled(tmp_path)
    path = tmp_path / "c1" / name
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for broken in (content[:-1], content[:3], b"", bytes(flipped), content + b"0"):
        path.write_bytes(broken)
        with pytest.raises(DataError) as caught:
            store = CaseStore(tmp_path)
            store.image("c1"), store.label("c1")
        assert caught.value.case == "c1" and caught.value.remedy
    path.unlink()
    with pytest.raises(DataError):
        store = CaseStore(tmp_path)
        store.image("c1"), store.label("c1")
    assert CaseStore(tmp_path).image("c2").any()


def test_a_changed_geometry_is_noticed(tmp_path):
    filled(tmp_path)
    path = tmp_path / "c1" / "case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["geometry"]["spacing_zyx"][0] = 7.0
    path.write_text(json.dumps(record))
    with pytest.raises(DataError):
        CaseStore(tmp_path).geometry("c1")


def test_a_kill_while_storing_leaves_no_half_case(tmp_path, monkeypatch):
    store = filled(tmp_path)
    monkeypatch.setattr(store_module, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.put("c1", np.zeros(PLANNED.size_zyx), None, ORIGINAL, PLANNED)
    assert not store.has("c1") and not list(tmp_path.glob("*/.*"))
    with pytest.raises(DataError) as caught:
        store.image("c1")
    assert caught.value.code == "not_stored"


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc"])
def test_a_case_id_cannot_leave_the_store(tmp_path, name):
    with pytest.raises(ValueError):
        CaseStore(tmp_path).put(name, np.zeros(PLANNED.size_zyx), None, ORIGINAL, PLANNED)
