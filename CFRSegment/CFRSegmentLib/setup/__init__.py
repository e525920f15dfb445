"""What the engine needs in Slicer's Python, and its installation: asked for once, on first use, never at
start-up.

Nothing here imports torch or any package that it installs. `Installer()` in Slicer; tests give it fakes.
"""

from CFRSegmentLib.setup.installer import Installer, InstallPlan, InstallResult, Outcome
from CFRSegmentLib.setup.requirements import BASE, FAST, SAM

__all__ = ["BASE", "FAST", "SAM", "InstallPlan", "InstallResult", "Installer", "Outcome"]
