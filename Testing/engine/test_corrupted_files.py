"""Every file of the data part, truncated and bit-flipped in 500 ways: the right result or a clean error.

The reads run in a worker process (this file, run as a script), so that a crash or a hang inside ITK is a
failed test and not the end of the test session.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

import SimpleITK as sitk  # noqa: E402

from CFRTrain.data.cases import cases_from  # noqa: E402
from CFRTrain.data.checking import check_cases  # noqa: E402
from CFRTrain.data.file_checks import content_hash  # noqa: E402
from CFRTrain.data.plan import Intensity, Plan, plan_from_json, plan_to_json  # noqa: E402
from CFRTrain.data.store import CaseStore  # noqa: E402
from CFRTrain.data.volumes import Geometry, Volume, read_label, read_volume, write_volume  # noqa: E402
from CFRTrain.runs.errors import CFRError, DataError, JobError  # noqa: E402
from CFRTrain.runs.job import ClassSpec, read_cases  # noqa: E402

MUTATIONS = 504
SECONDS_EACH = 5.0
SECONDS_ALL = 120.0
MEMORY = 8 << 30
CASE = "case_0042"
GRID = Geometry((6, 7, 8), (2.0, 1.5, 1.0), (3.0, 4.0, 5.0), (0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, 1.0))
FILES = ("int.nii", "float.nii.gz", "int.nrrd", "raw.nrrd", "float.mha", "raw.mha", "label.nii.gz")
PLAN = Plan((1.0, 1.0, 1.0), (16, 16, 16), 0, Intensity("ct_window", -125.0, 275.0, 70.0, 80.0),
            0, (16, 16, 16), {"spacing_zyx": "Median."})  # fmt: skip


def make_originals(folder: Path) -> None:
    """One sound example of everything that is read."""
    whole = np.random.default_rng(0).integers(0, 900, GRID.size_zyx).astype(np.int16)
    for name in FILES[:-1]:
        array = whole.astype(np.float32) / 7 if name.startswith("float") else whole
        write_volume(folder / name, Volume(array, GRID))
    for name in ("raw.nrrd", "raw.mha"):
        sitk.WriteImage(sitk.ReadImage(str(folder / name)), str(folder / name), useCompression=False)
    write_volume(folder / "label.nii.gz", Volume((whole > 500).astype(np.uint8), GRID))
    make_series(folder / "series", whole)
    (folder / "plan.json").write_text(plan_to_json(PLAN))
    entries = [
        {"id": "a", "image": "int.nrrd", "label": "label.nii.gz", "role": "labeled"},
        {"id": "b", "image": "float.mha", "role": "unlabeled", "sha256": content_hash(folder / "float.mha")},
    ]
    (folder / "cases.json").write_text(json.dumps({"format": 1, "cases": entries}))
    store = CaseStore(folder / "store")
    store.put(CASE, whole, (whole > 500).astype(np.uint8), GRID, GRID)


def make_series(folder: Path, array: np.ndarray) -> None:
    folder.mkdir()
    image, writer = sitk.GetImageFromArray(array), sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(len(array)):
        plane = image[:, :, index]
        uids = {"0020|000d": "1.2", "0020|000e": "1.2.3", "0008|0018": f"1.2.3.{index}"}
        place = {"0020|0037": "1\\0\\0\\0\\1\\0", "0020|0032": f"0\\0\\{2 * index}", "0008|0060": "MR"}
        for tag, value in {**uids, **place}.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{index}.dcm"))
        writer.Execute(plane)


def mutate(content: bytes, seed: int) -> bytes:
    """Truncated, bits flipped, bytes overwritten, inserted or removed; headers more often than voxels."""
    source, changed = random.Random(seed), bytearray(content)
    end = min(len(content), 512) if source.random() < 0.6 else len(content)
    place, length = source.randrange(end), source.choice((1, 1, 2, 4, 16, 64))
    kind = source.choice(("cut", "flip", "flip", "flips", "random", "zeros", "ones", "insert", "remove"))
    if kind == "cut":
        return content[: source.randrange(len(content))]
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else 8):
            changed[source.randrange(end)] ^= 1 << source.randrange(8)
    elif kind == "insert":
        changed[place:place] = source.randbytes(length)
    elif kind == "remove":
        del changed[place : place + length]
    else:
        filler = {"random": source.randbytes(length), "zeros": bytes(length), "ones": b"\xff" * length}[kind]
        changed[place : place + length] = filler
    return bytes(changed[: len(content) + 64])


def try_volume(folder: Path, name: str, original: tuple[str, np.ndarray]) -> str:
    """With the hash only the original is read; without it anything read is finite and on a possible grid."""
    path, (sha256, array) = folder / name, original
    try:
        found = read_volume(path, CASE, sha256=sha256)
        assert np.array_equal(found.array, array), "a wrong result passed its hash"
    except DataError as error:
        assert error.case == CASE and error.code == "changed" and error.remedy, error
    try:
        if name.startswith("label"):
            label = read_label(path, CASE, GRID, (1,))
            assert set(np.unique(label.array)) == {0, 1} and label.geometry == GRID
            return "read"
        found = read_volume(path, CASE)
    except DataError as error:
        assert error.case == CASE and error.text and error.remedy, error
        return error.code
    assert np.isfinite(found.array).all() and min(found.array.shape) > 1
    assert found.array.nbytes < 1 << 20 and 0 < min(found.geometry.spacing_zyx) <= 100
    return "read"


def try_store(folder: Path, name: str, original: tuple[str, np.ndarray]) -> str:
    store = CaseStore(folder / "store")
    try:
        assert np.array_equal(store.image(CASE), original[1]) and store.label(CASE).any()
        assert store.geometry(CASE) == store.planned_geometry(CASE) == GRID
    except DataError as error:
        assert error.case == CASE and error.remedy, error
        return error.code
    return "read"


def try_plan(folder: Path, name: str, original: tuple[str, np.ndarray]) -> str:
    try:
        plan = plan_from_json((folder / name).read_bytes().decode("utf-8", errors="replace"))
    except JobError as error:
        assert "plan.json" in error.text and error.remedy
        return error.code
    assert plan_from_json(plan_to_json(plan)) == plan
    return "read"


def try_cases(folder: Path, name: str, original: tuple[str, np.ndarray]) -> str:
    try:
        cases = cases_from(read_cases(folder / name))
    except JobError as error:
        assert error.text and error.remedy
        return error.code
    report = check_cases(cases, (ClassSpec(1, "organ"),))
    assert all(found.text and found.remedy for found in report.problems)
    return "read"


TARGETS: dict[str, Callable[[Path, str, tuple[str, np.ndarray]], str]] = {
    **dict.fromkeys(FILES, try_volume),
    "series": try_volume,
    "plan.json": try_plan,
    "cases.json": try_cases,
    **{f"store/{CASE}/{part}": try_store for part in ("image.npy", "label.npy", "case.json")},
}


def work(folder: Path) -> None:
    """All mutations, one line of JSON for each."""
    limit_memory()
    originals = {}
    for name, attempt in TARGETS.items():
        path = folder / name
        if attempt is try_volume:
            originals[name] = (content_hash(path), read_volume(path, CASE).array)
        else:
            originals[name] = ("", read_volume(folder / "int.nii", CASE).array)
    for index in range(MUTATIONS):
        name = list(TARGETS)[index % len(TARGETS)]
        path = folder / name / f"{index % 6}.dcm" if name == "series" else folder / name
        content = path.read_bytes()
        path.write_bytes(mutate(content, index))
        started = time.perf_counter()
        try:
            outcome = TARGETS[name](folder, name, originals[name])
        except (Exception, CFRError) as error:
            outcome = f"FAILED {type(error).__name__}: {error}"
        seconds = time.perf_counter() - started
        path.write_bytes(content)
        line = {"index": index, "name": name, "outcome": outcome, "seconds": seconds}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def limit_memory() -> None:
    """An absurd allocation fails here instead of succeeding on a large machine."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run_worker(folder: Path) -> tuple[int | None, list[dict]]:
    """The worker's exit status (None: it hung) and its lines."""
    with (folder / "out.jsonl").open("wb") as out, (folder / "err.txt").open("wb") as err:
        worker = subprocess.Popen([sys.executable, __file__, str(folder)], stdout=out, stderr=err)
        try:
            status: int | None = worker.wait(SECONDS_ALL)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            status = None
    return status, [
        json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_500_corruptions_give_the_right_result_or_a_clean_error(tmp_path):
    make_originals(tmp_path)
    status, results = run_worker(tmp_path)
    errors = (tmp_path / "err.txt").read_text(errors="replace")[-2000:]
    assert status == 0, f"exit {status} after mutation {len(results)}: {errors}"
    assert len(results) == MUTATIONS >= 500
    failed = [line for line in results if line["outcome"].startswith("FAILED")]
    assert not failed, failed[:5]
    slow = [line for line in results if line["seconds"] > SECONDS_EACH]
    assert not slow, slow


def test_the_corruptions_reach_the_checks(tmp_path):
    """The mutations are no theatre: most are noticed, in every kind of file."""
    content = bytes(range(256)) * 8
    changed = [mutate(content, seed) for seed in range(200)]
    assert sum(one != content for one in changed) > 190 and len(set(changed)) > 180
    assert any(len(one) < len(content) for one in changed) and any(len(one) > len(content) for one in changed)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
