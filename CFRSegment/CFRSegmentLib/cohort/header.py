"""cohort.json: the file that makes a folder a cohort; its name and its classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from CFRTrain.runs.atomic import write_atomic

from ..i18n import _
from .classes import SegmentClass, checkedClasses, classesFromJson, classesToJson
from .errors import CohortError, damaged, systemReason, writing

FORMAT = 1
LONGEST_NAME = 200


@dataclass(frozen=True)
class Header:
    """Name and classes. others: what else the file holds, kept as it is."""

    name: str
    classes: tuple[SegmentClass, ...]
    others: Mapping[str, Any] = field(default_factory=dict)

    def renamed(self, name: str) -> Header:
        """With another name. Raises CohortError (bad_name)."""
        return replace(self, name=checkedName(name))

    def withClasses(self, classes: Sequence[SegmentClass]) -> Header:
        """With other classes. Raises CohortError (bad_class)."""
        return replace(self, classes=checkedClasses(classes))


def checkedName(name: str) -> str:
    """The name of a cohort without blanks around it. Raises CohortError (bad_name)."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        text = _("A cohort needs a name of one line, at most {count} characters.").format(count=LONGEST_NAME)
        raise CohortError("bad_name", text, _("Give it another name."))
    return name


def writeHeader(path: Path, header: Header) -> None:
    """Writes cohort.json, whole or not at all. Raises CohortError."""
    content = {**header.others, "format": FORMAT, "name": header.name}
    content["classes"] = classesToJson(header.classes)
    with writing(path):
        write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def readHeader(path: Path) -> Header:
    """Reads cohort.json. Raises CohortError (newer_format, damaged)."""
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise damaged(path, systemReason(error)) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, _("it is not JSON")) from error
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise damaged(path, _("its format is not named"))
    if content["format"] > FORMAT:
        text = _("The cohort in {folder} was made by a newer version of CFRSegment.")
        raise CohortError("newer_format", text.format(folder=path.parent), _("Update the extension."))
    try:
        name, classes = checkedName(content["name"]), classesFromJson(content["classes"])
    except (CohortError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, _("its name or its classes cannot be read")) from error
    known = ("format", "name", "classes")
    return Header(name, classes, {key: value for key, value in content.items() if key not in known})
