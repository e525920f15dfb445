"""What of a file people get to see: the texts in calls and assignments that end on the screen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

LETTER = re.compile(r"(?<!%)[^\W\d_]")  # %p of a progress bar is no word
TRANSLATIONS = {"_", "translate", "tr"}
# Functions, methods and classes whose arguments are shown, by the positions that hold text.
SHOWN_ARGUMENTS: dict[tuple[int, ...], str] = {
    (0,): """
        setText setToolTip setTitle setWindowTitle setStatusTip setWhatsThis setPlaceholderText setLabelText
        setPrefix setSuffix setFormat setInformativeText setHorizontalHeaderLabels setVerticalHeaderLabels
        setHeaderLabels addItem addRow addMenu QLabel QPushButton QCheckBox QRadioButton QGroupBox
        QTableWidgetItem QListWidgetItem QStandardItem showStatusMessage errorDisplay infoDisplay
        warningDisplay messageBox delayDisplay confirmOkCancelDisplay confirmYesNoDisplay
        confirmRetryCloseDisplay""",
    (0, 1): "addAction QAction",
    (1,): "setItemText setTabText setTabToolTip insertItem addTab",
    (2,): "insertTab",
    (1, 2): "getOpenFileName getSaveFileName getExistingDirectory getText CohortError Problem InstallResult",
    (0, 1, 2, 3): "info warning error critical question QMessageBox createProgressDialog",
}
SHOWN_BY_CALL = {name: positions for positions, names in SHOWN_ARGUMENTS.items() for name in names.split()}
SHOWN_KEYWORDS_OF = {*SHOWN_BY_CALL, "InstallPlan", "Candidate"}
SHOWN_KEYWORDS = {
    *("text", "remedy", "problem", "question", "reason", "title", "toolTip", "windowTitle", "labelText"),
    *("detailedText", "informativeText", "caption", "label", "mainButtonText", "buttonText"),
}
SHOWN_ATTRIBUTES = {
    *("text", "toolTip", "title", "windowTitle", "placeholderText", "statusTip", "whatsThis", "plainText"),
    *("labelText", "prefix", "suffix", "caption", "html", "helpText", "acknowledgementText"),
}
SHOWN_RESULTS = ("Text", "Help", "Title", "Reason", "Problem", "Message", "Question", "Remedy")
LOGS = {"logging", "logger", "log"}  # what is logged is for developers, in English


def called_name(call: ast.Call) -> str:
    """The last part of what is called: setText of self.label.setText(...)."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def is_translation(node: ast.AST) -> bool:
    """Whether this is a call that translates."""
    return isinstance(node, ast.Call) and called_name(node) in TRANSLATIONS


def shown_values(tree: ast.AST) -> Iterator[ast.expr]:
    """Every expression of a file whose value is shown."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) in SHOWN_KEYWORDS_OF and not _is_logging(node):
            positions = SHOWN_BY_CALL.get(called_name(node), ())
            yield from (value for index, value in enumerate(node.args) if index in positions)
            yield from (item.value for item in node.keywords if item.arg in SHOWN_KEYWORDS)
        elif isinstance(node, ast.Assign):
            if any(
                isinstance(item, ast.Attribute) and item.attr in SHOWN_ATTRIBUTES for item in node.targets
            ):
                yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name.endswith(SHOWN_RESULTS):
            yield from (item.value for item in ast.walk(node) if isinstance(item, ast.Return) and item.value)


def _is_logging(call: ast.Call) -> bool:
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(receiver, ast.Name) and receiver.id in LOGS


class Assignments:
    """The values that names have, in each function and in the file, as far as plain assignments tell."""

    def __init__(self, tree: ast.Module) -> None:
        self._values: dict[tuple[ast.AST, str], list[ast.expr]] = {}
        self._scopes: dict[ast.AST, tuple[ast.AST, ...]] = {}
        self._collect(tree, (tree,))

    def of(self, name: ast.Name) -> list[ast.expr]:
        """All values that are assigned to the name in the nearest scope that assigns any."""
        for scope in reversed(self._scopes.get(name, ())):
            if (scope, name.id) in self._values:
                return self._values[scope, name.id]
        return []

    def _collect(self, node: ast.AST, scopes: tuple[ast.AST, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inner = (*scopes, child) if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else scopes
            self._scopes[child] = inner
            if isinstance(child, ast.Assign | ast.AnnAssign) and child.value is not None:
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                for name, value in _pairs(targets, child.value):
                    self._values.setdefault((scopes[-1], name), []).append(value)
            self._collect(child, inner)


def _pairs(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Names and values of an assignment; `a, b = x, y` gives two."""
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id, value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for part, given in zip(target.elts, value.elts, strict=False):
                yield from _pairs([part], given)


def untranslated(value: ast.expr, known: Assignments, depth: int = 3) -> Iterator[tuple[int, str]]:
    """Line and words of what a shown value holds in plain language without a translation."""
    if is_translation(value):
        return
    if isinstance(value, ast.Constant):
        if isinstance(value.value, str) and LETTER.search(value.value):
            yield value.lineno, value.value
        return
    if isinstance(value, ast.Name):
        for assigned in known.of(value) if depth else ():
            yield from untranslated(assigned, known, depth - 1)
        return
    for part in _shown_parts(value):
        yield from untranslated(part, known, depth)


def _shown_parts(value: ast.expr) -> list[ast.expr]:
    """The parts of an expression that become part of its text."""
    match value:
        case ast.JoinedStr():
            return [part for part in value.values if isinstance(part, ast.Constant)]
        case ast.IfExp():
            return [value.body, value.orelse]
        case ast.BoolOp():
            return value.values
        case ast.BinOp():
            return [value.left, value.right]
        case ast.List() | ast.Tuple() | ast.Set():
            return value.elts
        case ast.Subscript():
            return value.value.values if isinstance(value.value, ast.Dict) else []
        case ast.Call(func=ast.Attribute(attr="format" | "join" | "strip", value=text)):
            return [text, *(value.args if value.func.attr == "join" else [])]
    return []
