"""Slicer's style in CFRSegment: camelCase, nothing done at file scope, nothing that hangs Qt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from Testing.lint.sources import Source, python_sources

CAMEL_CASE = re.compile(r"_*[a-z][A-Za-z0-9]*_?|_+")
CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*")
CLASS = re.compile(r"_*[A-Z][A-Za-z0-9]*")
SNAKE_FILE = re.compile(r"[a-z][a-z0-9_]*|__init__")
FOREIGN_THREADS = {"QThread", "QThreadPool", "QRunnable"}
# Files that must do something when they are imported, and why.
RUNS_ON_IMPORT = {"CFRSegment/CFRSegmentLib/__init__.py": "makes the engine importable"}


def defined_names(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, kind and name of everything that a file gives a name to; imports keep the names they have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, "function", node.name
        elif isinstance(node, ast.ClassDef):
            yield node.lineno, "class", node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, "argument", node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "variable", node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "variable", node.attr
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, "variable", node.name


def _is_well_named(kind: str, name: str) -> bool:
    if kind == "class":
        return bool(CLASS.fullmatch(name))
    if re.fullmatch(r"__[a-z]+__", name) or (kind == "function" and name.startswith("test_")):
        return True  # Python's own, and what unittest finds
    if kind == "variable" and (CONSTANT.fullmatch(name) or CLASS.fullmatch(name)):
        return True  # a constant, or a name for a type
    return bool(CAMEL_CASE.fullmatch(name))


def name_problems(source: Source) -> list[str]:
    """Names that are not camelCase."""
    found = [
        f"{source.name}:{line}: the {kind} {name} is not in Slicer's style"
        for line, kind, name in defined_names(source.tree)
        if not _is_well_named(kind, name)
    ]
    path = PurePosixPath(source.name)
    if "CFRSegmentLib" in path.parts and not SNAKE_FILE.fullmatch(path.stem):
        found.append(f"{source.name}: file names are in snake_case")
    return found


def ban_problems(source: Source) -> list[str]:
    """Foreign threads, and `exec`, whose name Slicer's two versions of Qt do not share."""
    found = []
    for node in ast.walk(source.tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in FOREIGN_THREADS:
            found.append(
                f"{source.name}:{node.lineno}: Python in a thread of Qt can hang; use QProcess, QTimer"
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exec":
            found.append(f"{source.name}:{node.lineno}: write exec_()")
    return found


def file_scope_problems(source: Source) -> list[str]:
    """Statements that do something when a file is imported."""
    if source.name in RUNS_ON_IMPORT:
        return []
    harmless = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef

    def acts(node: ast.stmt) -> bool:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            return False  # a script's, not an import's
        if isinstance(node, ast.If | ast.Try):
            blocks = [
                *node.body,
                *node.orelse,
                *[item for one in getattr(node, "handlers", []) for item in one.body],
            ]
            return any(acts(item) for item in blocks)
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        return not (is_text or isinstance(node, harmless | ast.Pass))

    return [f"{source.name}:{node.lineno}: this runs on import" for node in source.tree.body if acts(node)]


@pytest.mark.parametrize("source", python_sources("CFRSegment"), ids=lambda source: source.name)
def test_the_module_is_in_slicer_s_style(source):
    assert name_problems(source) + ban_problems(source) + file_scope_problems(source) == []


def test_the_list_of_files_that_run_on_import_is_true():
    assert set(RUNS_ON_IMPORT) <= {source.name for source in python_sources("CFRSegment")}


FILE = "CFRSegment/CFRSegmentLib/panels/a.py"


@pytest.mark.parametrize(
    "code",
    [
        "def load_volume():\n    pass",
        "def f(case_id):\n    pass",
        "def f(*, case_id=1):\n    pass",
        "case_id = 1",
        "self.case_id = 1",
        "case_id: int = 1",
        "for case_id in a:\n    pass",
        "with a as my_file:\n    pass",
        "try:\n    pass\nexcept ValueError as the_error:\n    pass",
        "[a for my_item in b]",
        "class case_list:\n    pass",
        "def LoadVolume():\n    pass",
    ],
)
def test_the_name_check_can_fail(code):
    assert name_problems(Source(FILE, code))


def test_the_name_check_of_files_can_fail():
    assert name_problems(Source("CFRSegment/CFRSegmentLib/panels/TrainPanel.py", ""))


@pytest.mark.parametrize(
    "code",
    [
        "def loadVolume(caseId, *, alias='jd'):\n    LIMIT = 3\n    return write_atomic(case_id=caseId)",
        "class CaseList:\n    def __init__(self):\n        self._byId = {}",
        "class A:\n    def test_undo_works(self):\n        pass",
        "from CFRTrain.runs.atomic import write_atomic\nRole = Literal['a']\n_ = 1\n__all__ = ['a']",
        "_name = 2\ndef _f(_unused):\n    pass",
    ],
)
def test_good_names_pass(code):
    assert name_problems(Source(FILE, code)) == []


@pytest.mark.parametrize(
    "code",
    [
        "qt.QThread()",
        "from qt import QThread\nQThread()",
        "qt.QRunnable",
        "dialog.exec()",
        "qt.QThreadPool()",
    ],
)
def test_the_ban_can_fail(code):
    assert ban_problems(Source(FILE, code))


def test_the_ban_lets_good_code_pass():
    assert ban_problems(Source(FILE, "menu.exec_()\nthreading.Thread(target=f)\nqt.QProcess()")) == []


@pytest.mark.parametrize(
    "code",
    [
        "register()",
        "for a in b:\n    pass",
        "with a:\n    pass",
        "if a:\n    register()",
        "try:\n    register()\nexcept ImportError:\n    pass",
        "try:\n    import a\nexcept ImportError:\n    install()",
        "del a",
    ],
)
def test_the_file_scope_check_can_fail(code):
    assert file_scope_problems(Source(FILE, code))


def test_the_file_scope_check_lets_definitions_pass():
    code = '"""A."""\nimport a\nB = 1\nif a:\n    import c\ndef f():\n    g()\n'
    code += "try:\n    import d\nexcept ImportError:\n    pass\n"
    code += "if __name__ == '__main__':\n    f()\n"
    assert file_scope_problems(Source(FILE, code)) == []
