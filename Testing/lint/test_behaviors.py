"""The table of behaviors in Testing/gui/README.md names every numbered test, and every behavior has one."""

from __future__ import annotations

import re
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
BEHAVIORS = range(1, 47)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)
NUMBERED = re.compile(r"^def (test_((?:\d\d_)+)\w+)\(", re.MULTILINE)


def numbered_tests() -> dict[int, set[str]]:
    """Tests by the numbers in their names; the numbers in the bed's own tests mean something else."""
    found: dict[int, set[str]] = {}
    for folder in ("gui", "module", "lint"):
        for file in (TESTING / folder).glob("test_*.py"):
            for name, numbers in NUMBERED.findall(file.read_text("utf-8")):
                for number in numbers.strip("_").split("_"):
                    found.setdefault(int(number), set()).add(f"{folder}/{file.name}::{name}")
    return found


def table() -> dict[int, set[str]]:
    """The tests that the table names, by behavior."""
    text = (TESTING / "gui" / "README.md").read_text("utf-8")
    rows = ROW.findall(text)
    return {int(number): set(re.findall(r"`([^`]+)`", tests)) for number, _what, tests, _rest in rows}


def test_every_behavior_has_a_row_and_a_test():
    listed = table()
    assert sorted(listed) == list(BEHAVIORS)
    assert [number for number, tests in listed.items() if not tests] == []


def test_the_table_names_exactly_the_numbered_tests():
    listed, found = table(), numbered_tests()
    for number in BEHAVIORS:
        assert listed[number] == found.get(number, set()), f"behavior {number}: correct Testing/gui/README.md"
    assert set(found) <= set(BEHAVIORS)
