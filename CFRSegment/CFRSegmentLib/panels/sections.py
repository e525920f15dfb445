"""The five sections of the window, in the order of the work, and what each panel is told when."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from .scrolling import showTop
from .session import Session
from .setup_banner import SetupBanner

NAMES = ("cohort", "annotate", "train", "review", "apply")


class Sections:
    """Makes the panels and passes on what happens to the window."""

    def __init__(self, ui: Any, session: Session) -> None:
        self._ui = ui
        self._session = session
        self.panels: dict[str, Any] = {"setup": SetupBanner(ui.setupBanner, session)}
        for name in NAMES:
            panel = _panelClass(name)
            section = self.section(name)
            section.visible = panel is not None
            if panel is not None:
                self.panels[name] = panel(section, session)

    def section(self, name: str) -> Any:
        """The folding part of the window with this name."""
        return getattr(self._ui, f"{name}Section")

    def setup(self) -> None:
        """Make the widgets of all panels."""
        for panel in self.panels.values():
            panel.setup()
        self._session.sectionWanted.connect(self.show)

    def tell(self, event: str) -> None:
        """Call enter, exit, refresh or cleanup of all panels."""
        for panel in self.panels.values():
            getattr(panel, event)()
        if event == "cleanup":
            self._session.sectionWanted.disconnect(self.show)

    def show(self, name: str) -> None:
        """Unfold a section and scroll to its beginning."""
        section = self.section(name)
        section.collapsed = False
        showTop(section)


def _panelClass(name: str) -> type | None:
    """The class of a panel; None where this installation does not have it."""
    module = f"{__package__}.{name}_panel"
    if importlib.util.find_spec(module) is None:
        return None
    return getattr(importlib.import_module(module), f"{name.capitalize()}Panel")
