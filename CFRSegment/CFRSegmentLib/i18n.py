"""`_`: Slicer's translation where there is Slicer, the text itself elsewhere.

    label.text = _("{count} cases were added.").format(count=count)

Placeholders have names. `_` must be Slicer's own function, not one that calls it: Slicer takes the context of
a translation from the file that called.
"""

from __future__ import annotations

import sys


def _untranslated(text: str) -> str:
    return text


_ = _untranslated
if "slicer" in sys.modules:  # never imported from here: the cohort and the engine side work without it
    try:
        from slicer.i18n import tr as _  # noqa: F811
    except ImportError:  # Slicer's core libraries alone, as in tests
        pass

__all__ = ["_"]
