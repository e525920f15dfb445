"""Where the engine's package CFRTrain lies; the one place that makes it importable. Standard library only."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ENGINE = "CFRTrain"


def engineFolder() -> Path:
    """The folder that holds `CFRTrain`: beside the installed module, or the root of the source tree.

    Raises FileNotFoundError where the extension is not complete.
    """
    moduleFolder = Path(__file__).resolve().parents[1]
    for folder in (moduleFolder, moduleFolder.parent):
        if (folder / ENGINE / "__main__.py").is_file():
            return folder
    raise FileNotFoundError(f"The folder {ENGINE} is missing; install the extension again.")


def makeEngineImportable() -> None:
    """Lets `import CFRTrain` work; does nothing where it works already, as in an installed extension.

    Raises FileNotFoundError where the extension is not complete.
    """
    if importlib.util.find_spec(ENGINE) is None:
        sys.path.append(str(engineFolder()))
