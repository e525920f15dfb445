"""Every visible text of CFRSegment is translated, whole, and its placeholders have names."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

import pytest

from Testing.lint.sources import Source, python_sources
from Testing.lint.visible_text import Assignments, called_name, is_translation, shown_values, untranslated

PUT_TOGETHER = "a translated text is put together with something; use a placeholder, for lines join()"


def text_problems(source: Source) -> list[str]:
    """Texts on the screen that no translation was asked for."""
    tree = source.tree
    known = Assignments(tree)
    found = {item for value in shown_values(tree) for item in untranslated(value, known)}
    return [
        f"{source.name}:{line}: {text[:50]!r} is shown and not translated" for line, text in sorted(found)
    ]


def translation_problems(source: Source) -> list[str]:
    """Translations that a translator cannot work with: put together, without names, with other values."""
    tree = source.tree
    known = Assignments(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) == "_":
            found += [(node.lineno, text) for text in _argument_problems(node)]
        if isinstance(node, ast.BinOp | ast.JoinedStr):
            parts = [node.left, node.right] if isinstance(node, ast.BinOp) else _values(node)
            if any(is_translation(part) or _is_formatted(part) for part in parts):
                found.append((node.lineno, PUT_TOGETHER))
        if isinstance(node, ast.Call) and called_name(node) == "format":
            found += [(node.lineno, text) for text in _format_problems(node, known)]
    return [f"{source.name}:{line}: {text}" for line, text in found]


def _values(node: ast.JoinedStr) -> list[ast.expr]:
    return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]


def _is_formatted(node: ast.expr) -> bool:
    """Whether this is `_("...").format(...)`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and is_translation(node.func.value)
    )


def _argument_problems(call: ast.Call) -> Iterator[str]:
    """What is wrong with the text that is given to `_`."""
    text = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        yield "_() takes one literal text"
    elif not text.value.strip():
        yield "an empty text needs no translation"
    elif not all(name.isidentifier() for name in placeholders(text.value)):
        yield "placeholders need names"


def placeholders(text: str) -> set[str]:
    """Names of the placeholders in a text; an empty one for {}, a blank where it cannot be parsed."""
    try:
        return {
            name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None
        }
    except ValueError:
        return {" "}


def _format_problems(call: ast.Call, known: Assignments) -> Iterator[str]:
    """Where a translated text is filled in: other names than it has, or values without names."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    texts = [base] if not isinstance(base, ast.Name) else known.of(base)
    literals = [item.args[0].value for item in texts if _is_literal_translation(item)]
    given = {item.arg for item in call.keywords}
    if literals and call.args:
        yield "values for a translated text need names"
    elif literals and None not in given and not any(placeholders(text) == given for text in literals):
        yield f"the text has {sorted(placeholders(literals[0]))}, given are {sorted(map(str, given))}"


def _is_literal_translation(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Call)
        and called_name(node) == "_"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    )


@pytest.mark.parametrize("source", python_sources("CFRSegment"), ids=lambda source: source.name)
def test_46_visible_texts_are_translated(source):
    assert text_problems(source) + translation_problems(source) == []


FILE = "CFRSegment/CFRSegmentLib/panels/a.py"


@pytest.mark.parametrize(
    "code",
    [
        "label.setText('Hello')",
        "self.ui.label.text = 'Hello'",
        "button.toolTip = 'Hello' if a else ''",
        "box.title = f'{n} cases'",
        "qt.QLabel('Hello')",
        "qt.QPushButton('Train', parent)",
        "slicer.util.showStatusMessage('Done.')",
        "slicer.util.errorDisplay('Wrong: ' + str(a))",
        "slicer.util.confirmYesNoDisplay(_('Sure?'), windowTitle='Sure')",
        "raise CohortError('code', 'It is wrong.', _('Do it.'))",
        "raise CohortError('code', _('It is wrong.'), remedy='Do it.')",
        "Problem('code', _('It is wrong.'), 'Do it.')",
        "table.setHorizontalHeaderLabels(['Case', _('Status')])",
        "def f():\n    text = 'Hello'\n    label.setText(text)",
        "TEXT = 'Hello'\ndef f():\n    label.setText(TEXT)",
        "def f():\n    text, other = 'Hello', ''\n    label.setText(text)",
        "label.setText('{n} cases'.format(n=1))",
        "label.setText('%d cases' % n)",
        "label.setText({1: 'one', 2: _('two')}[n])",
        "label.setText(', '.join(['one', a]))",
        "label.setText(a or 'none')",
        "message.error('It is wrong.')",
        "combo.addItem('Preview', 'preview')",
        "parent.helpText = 'This module ...'",
        "combo.insertItem(0, 'Preview')",
        "tabs.addTab(widget, 'Train')",
        "bar.setFormat('%v of %m')",
        "def statusText(status):\n    return 'labeled'",
        "def statusText(status):\n    return {1: 'labeled'}[status]",
    ],
)
def test_the_check_of_visible_texts_can_fail(code):
    assert text_problems(Source(FILE, code))


@pytest.mark.parametrize(
    "code",
    [
        "label.setText(_('Hello'))",
        "label.setText(translate('context', 'Hello'))",
        "label.setText(_('{n} cases').format(n=1))",
        "label.setText('')\nlabel.text = '–'",
        "label.setText(str(n))\nlabel.setText(f'{a} {b}')\nlabel.setText(f'{n:.0%}')",
        "label.objectName = 'caseLabel'",
        "logging.info('Hello')",
        "raise ValueError('for developers')",
        "raise CohortError('code', _('It is wrong.'), _('Do it.'))",
        "def f():\n    text = _('Hello')\n    label.setText(text)",
        "def f():\n    text = 'a'\ndef g(text):\n    label.setText(text)",
        "slicer.util.errorDisplay(str(error))",
        "label.setText({1: _('one')}[n])",
        "label.setText(names['one'])",
        "combo.addItem(_('Preview'), 'preview')",
        "bar.setFormat('%p %')",
        "def statusText(status):\n    return {1: _('labeled')}[status]",
    ],
)
def test_the_check_of_visible_texts_lets_good_code_pass(code):
    assert text_problems(Source(FILE, code)) == []


@pytest.mark.parametrize(
    "code",
    [
        "_(f'{n} cases')",
        "_('a' + b)",
        "_('a' + 'b')",
        "_(text)",
        "_('a', 'b')",
        "_('')",
        "_('{} cases')",
        "_('{0} cases')",
        "_('{cases[0]} cases')",
        "_('{ cases')",
        "_('Found ') + str(n)",
        "_('Found %d') % n",
        "f'{_(1)} cases'",
        "f\"{_('Found')} {n}\"",
        "_('{n} cases').format(n=n) + '.'",
        "_('{n} cases').format(count=n)",
        "_('{n} cases').format(n)",
        "_('{n} of {m}').format(n=n)",
        "def f():\n    text = _('{n} cases')\n    return text.format(m=1)",
        "def f():\n    text = _('{n} cases')\n    return text.format(1)",
    ],
)
def test_the_check_of_translations_can_fail(code):
    assert translation_problems(Source(FILE, code))


@pytest.mark.parametrize(
    "code",
    [
        "_('Hello')",
        "_('one '\n  'sentence')",
        "_('{n} cases: {share:.0%}').format(n=1, share=2)",
        "_('{{literal}}')",
        "def f():\n    text = _('{n} cases')\n    return text.format(n=1)",
        "def f():\n    text = _('{n} a') if a else _('{n} b')\n    return text.format(n=1)",
        "_('{n} cases').format(**values)",
        "'{}'.format(1)",
        "f'{text} {remedy}'",
    ],
)
def test_the_check_of_translations_lets_good_code_pass(code):
    assert translation_problems(Source(FILE, code)) == []
