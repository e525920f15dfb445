"""cases.json: which volumes a run uses, and how. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CFRTrain.runs.errors import JobError
from CFRTrain.runs.strict_json import parse_object

ROLES = ("labeled", "unlabeled", "validation")
CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CaseEntry:
    """One case: its neutral id, image and label files, its role, and the image file's SHA-256 where known."""

    id: str
    image: Path
    label: Path | None
    role: str
    sha256: str | None = None


def read_cases(path: Path) -> tuple[CaseEntry, ...]:
    """Reads a case list; relative paths count from its folder. Raises JobError naming the entry."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong("it cannot be read") from error
    content = parse_object(text, "cases.json")
    if (
        set(content) != {"format", "cases"}
        or content["format"] != 1
        or not isinstance(content["cases"], list)
    ):
        raise _wrong('it must hold {"format": 1, "cases": [...]}')
    entries = tuple(_entry(item, index, path.parent) for index, item in enumerate(content["cases"]))
    seen: set[str] = set()
    for entry in entries:
        if entry.id.casefold() in seen:  # ids name files, and some file systems do not tell Case from case
            raise _wrong(f"the case {entry.id} is listed twice")
        seen.add(entry.id.casefold())
    return entries


def _wrong(what: str) -> JobError:
    return JobError("bad_cases", f"cases.json: {what}.", "Correct the file, or make the run again.")


def _entry(item: Any, index: int, folder: Path) -> CaseEntry:
    where = f"cases[{index}]"
    if not isinstance(item, dict):
        raise _wrong(f"{where} is not an object")
    unknown = set(item) - {"id", "image", "label", "role", "sha256"}
    if unknown:
        raise _wrong(f"{where} has the unknown key {sorted(unknown)[0]!r}")
    name, role, digest = item.get("id"), item.get("role"), item.get("sha256")
    if not isinstance(name, str) or not CASE_ID.fullmatch(name):
        raise _wrong(f"{where}.id must be letters, digits, _ and -, at most 64")
    if role not in ROLES:
        raise _wrong(f"{where}.role must be one of {', '.join(ROLES)}")
    if digest is not None and not (isinstance(digest, str) and SHA256.fullmatch(digest)):
        raise _wrong(f"{where}.sha256 must be 64 hexadecimal digits")
    image = _path(item.get("image"), f"{where}.image", folder)
    label = None if item.get("label") is None else _path(item["label"], f"{where}.label", folder)
    if role != "unlabeled" and label is None:
        raise _wrong(f"{where} is {role} but names no label")
    return CaseEntry(name, image, label, role, digest)


def _path(value: Any, where: str, folder: Path) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _wrong(f"{where} must be a path")
    return folder / value
