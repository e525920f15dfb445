"""python -m Testing.bed MODULE.py [--volume FILE ...]: a window with a scripted module, to see and use."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from Testing.bed import leave, startBed
from Testing.bed.qt_application import qt_application


def parse(arguments: list[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m Testing.bed", description=__doc__)
    parser.add_argument("module", type=Path, help="the module's .py file")
    parser.add_argument("--volume", type=Path, nargs="*", default=[], help="volumes to load first")
    parser.add_argument("--segmentation", type=Path, nargs="*", default=[], help="segmentations to load")
    parser.add_argument("--settings", type=Path, help="folder for settings (default: a new one each time)")
    parser.add_argument("--slicer-source", type=Path, help="checkout of Slicer, used instead of stand-ins")
    parser.add_argument("--display", help="X display (default: that of the environment)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Open the window and stay until it is closed; dialogs are shown, as nobody is testing."""
    options = parse(arguments)
    bed = startBed(options.display, options.settings, options.slicer_source)
    bed.app.set_testing(False)
    import slicer.util

    for path in options.volume:
        slicer.util.loadVolume(str(path), {})
    for path in options.segmentation:
        slicer.util.loadSegmentation(str(path), {})
    bed.loadModule(options.module)
    application = qt_application()
    bed.app.aboutToQuit.connect(application.quit)
    return application.exec()


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
