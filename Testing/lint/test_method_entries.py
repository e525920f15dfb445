"""The methods that the panel offers are those of the engine; the panel cannot ask it, that needs torch."""

from __future__ import annotations

import ast
from pathlib import Path

from CFRSegmentLib.panels.method_entries import methodEntries

REGISTRY = Path(__file__).resolve().parents[2] / "CFRTrain" / "retraining" / "methods" / "__init__.py"


def registered() -> list[str]:
    """The names in the table METHODS of the engine, read without importing it."""
    for statement in ast.parse(REGISTRY.read_text("utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "METHODS":
            return [ast.literal_eval(key) for key in statement.value.keys]
    raise AssertionError("there is no table METHODS")


def test_every_method_of_the_engine_is_offered_once_and_no_other():
    offered = [value for value, _title, _explanation in methodEntries() if value]
    assert len(registered()) >= 17 and sorted(offered) == sorted(registered())


def test_every_method_has_a_name_of_its_own_and_one_line_that_explains_it():
    entries = methodEntries()
    assert len({title for _value, title, _explanation in entries}) == len(entries)
    for _value, title, explanation in entries:
        assert title and explanation.endswith(".") and len(explanation) <= 100 and "\n" not in explanation
