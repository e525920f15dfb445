"""The preprocessed cases of a run on disk; memory is bounded in bytes, whatever the number of cases."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from CFRTrain.data.geometry import Geometry
from CFRTrain.runs.atomic import file_stamp, write_atomic
from CFRTrain.runs.errors import DataError
from CFRTrain.runs.machine import cache_limit

REMEDY = "Delete the run's prepared cases; they are made again from the original files."


class CaseStore:
    """One folder per case: image.npy (float32), label.npy (uint8 indices), case.json (grids, checksums).

    Arrays are read-only. A file is verified when it is first opened, and again only if it changed. Arrays are
    kept in memory up to `byte_limit` (None: by the machine's free memory), the least recently used go first;
    what does not fit alone is memory-mapped.
    """

    def __init__(self, folder: Path | str, byte_limit: int | None = None) -> None:
        self.folder = Path(folder)
        self.byte_limit = cache_limit() if byte_limit is None else byte_limit
        self._verified: dict[Path, tuple[tuple[int, int] | None, int]] = {}
        self._cache: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
        self._cached_bytes = 0

    def put(
        self, case_id: str, image: np.ndarray, label: np.ndarray | None, geometry: Geometry, planned: Geometry
    ) -> None:
        """Store arrays (z, y, x) on the grid `planned`, and the file's grid `geometry`. Atomic.

        Raises DiskFullError where the disk is full; `has` then denies the case.
        """
        arrays = {"image": np.ascontiguousarray(image, dtype=np.float32)}
        if label is not None:
            arrays["label"] = np.ascontiguousarray(label, dtype=np.uint8)
        if any(array.shape != tuple(planned.size_zyx) for array in arrays.values()):
            raise ValueError(f"the arrays of {case_id} do not fit the planned grid {planned.size_zyx}")
        folder = self._folder(case_id)
        folder.mkdir(parents=True, exist_ok=True)
        self._forget(case_id)
        # The record goes first and comes last: a kill in between leaves a case that `has` denies.
        (folder / "case.json").unlink(missing_ok=True)
        for kind, array in arrays.items():
            write_atomic(folder / f"{kind}.npy", lambda stream, array=array: _save(stream, array))
        record = {
            "format": 1,
            "geometry": geometry.to_dict(),
            "planned": planned.to_dict(),
            "crc32": {kind: _file_checksum(folder / f"{kind}.npy") for kind in arrays},
        }
        record["check"] = _record_checksum(record)
        write_atomic(folder / "case.json", json.dumps(record).encode())

    def has(self, case_id: str) -> bool:
        """True if the case was stored completely."""
        return (self._folder(case_id) / "case.json").is_file()

    def cases(self) -> tuple[str, ...]:
        """The stored cases, sorted."""
        return tuple(sorted(path.parent.name for path in self.folder.glob("*/case.json")))

    def image(self, case_id: str) -> np.ndarray:
        """float32 (z, y, x), normalized; read-only. DataError naming the case if the file is damaged."""
        return self._array(case_id, "image")

    def label(self, case_id: str) -> np.ndarray | None:
        """uint8 (z, y, x) class indices, read-only, or None. DataError naming the case if damaged."""
        return self._array(case_id, "label") if "label" in self._record(case_id)["crc32"] else None

    def geometry(self, case_id: str) -> Geometry:
        """The grid of the case's file."""
        return self._grid(case_id, "geometry")

    def planned_geometry(self, case_id: str) -> Geometry:
        """The grid of the stored arrays."""
        return self._grid(case_id, "planned")

    def _folder(self, case_id: str) -> Path:
        if not case_id or case_id != Path(case_id).name or case_id in (".", ".."):
            raise ValueError(f"'{case_id}' cannot name a folder")
        return self.folder / case_id

    def _record(self, case_id: str) -> dict[str, Any]:
        try:
            record = json.loads((self._folder(case_id) / "case.json").read_bytes())
            check = record.pop("check")
            if record["format"] != 1 or check != _record_checksum(record):
                raise ValueError("the record is not the one that was written")
            return record
        except FileNotFoundError as error:
            raise DataError(
                "not_stored", "The case was not prepared.", "Start the run again.", case=case_id
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(case_id) from error

    def _grid(self, case_id: str, key: str) -> Geometry:
        return Geometry.from_dict(self._record(case_id)[key])

    def _array(self, case_id: str, kind: str) -> np.ndarray:
        key = (case_id, kind)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        array = self._open(case_id, kind)
        if array.nbytes > self.byte_limit:
            return array
        array = np.array(array)
        array.flags.writeable = False
        self._cache[key] = array
        self._cached_bytes += array.nbytes
        while self._cached_bytes > self.byte_limit:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return array

    def _open(self, case_id: str, kind: str) -> np.ndarray:
        """The memory-mapped array; it is parsed only after its checksum proved it is what was written."""
        path, record = self._folder(case_id) / f"{kind}.npy", self._record(case_id)
        try:
            if self._checksum(path) != record["crc32"][kind]:
                raise _damaged(case_id)
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(case_id) from error

    def _checksum(self, path: Path) -> int:
        """The file's checksum, computed once as long as time and size of the file stay."""
        stamp = file_stamp(path)
        known, checksum = self._verified.get(path, (None, 0))
        if stamp is None or stamp != known:
            checksum = _file_checksum(path)
            self._verified[path] = stamp, checksum
        return checksum

    def _forget(self, case_id: str) -> None:
        for key in [key for key in self._cache if key[0] == case_id]:
            self._cached_bytes -= self._cache.pop(key).nbytes
        for path in [path for path in self._verified if path.parent.name == case_id]:
            del self._verified[path]


def _damaged(case_id: str) -> DataError:
    return DataError("store", "The prepared data of the case is damaged.", REMEDY, case=case_id)


def _file_checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def _record_checksum(record: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(record, sort_keys=True).encode())


def _save(stream: BinaryIO, array: np.ndarray) -> None:
    """A .npy file. NumPy's own `save` hides from its error that the disk is full."""
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(stream, header)
    stream.write(memoryview(array).cast("B"))
