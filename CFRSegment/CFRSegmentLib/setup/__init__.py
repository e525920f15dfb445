"""What the engine needs in Slicer's Python, and its installation: on first use, asked for once.

Nothing here imports torch or any package that it installs. `Installer()` in Slicer; tests give it fakes.
"""

from CFRSegmentLib.setup.environment import Environment, SlicerEnvironment
from CFRSegmentLib.setup.installer import Installer
from CFRSegmentLib.setup.plans import InstallPlan, InstallResult, Outcome
from CFRSegmentLib.setup.requirements import BASE, FAST, SAM

__all__ = [
    "BASE",
    "FAST",
    "SAM",
    "Environment",
    "SlicerEnvironment",
    "InstallPlan",
    "InstallResult",
    "Installer",
    "Outcome",
]
