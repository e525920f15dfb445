"""An empty scripted module, for tests that leave the module CFRSegment and come back."""

from __future__ import annotations

from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget


class OtherModule(ScriptedLoadableModule):
    """Says nothing about itself."""


class OtherModuleWidget(ScriptedLoadableModuleWidget):
    """Has nothing in its panel."""
