"""Stand-in of `slicer.i18n`: translations by the name of the source file; none that breaks placeholders."""

from __future__ import annotations

import logging
import string
import sys
from functools import cache
from pathlib import Path


def translate(context: str, text: str) -> str:
    """The application's translation of a text, the text itself where there is none."""
    import slicer

    return slicer.app.translate(context, text)


@cache
def getContext(sourceFile: str) -> str:
    """Name of a file without suffix; for a file of a package, with the package's name and a dot before it."""
    path = Path(sourceFile)
    inside_package = (path.parent / "__init__.py").is_file()
    return f"{path.parent.name}.{path.stem}" if inside_package else path.stem


def placeholders(text: str) -> set[str]:
    """Names between braces, as str.format reads them."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def tr(text: str) -> str:
    """The translation of a text in the context of the calling file.

    A translation with other placeholders than the text would fail in str.format: it is not used.
    """
    context = getContext(sys._getframe(1).f_code.co_filename)
    translated = translate(context, text)
    if placeholders(translated) == placeholders(text):
        return translated
    logging.warning("The translation of %r in %s has other placeholders: %r", text, context, translated)
    return text
