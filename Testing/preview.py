"""python -m Testing.preview: the Slicer module in a window of the test bed, with a demo cohort.

The cohort, made once in demo/preview_cohort, has twelve phantoms of a heart, two of them labeled. No Slicer
is needed, only a screen.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from Testing.python_slicer import path_with_python_slicer

REPOSITORY = Path(__file__).resolve().parents[1]
MODULE = REPOSITORY / "CFRSegment" / "CFRSegment.py"
DEMO = REPOSITORY / "demo" / "preview_cohort"
CASES, LABELED = 12, 2


def demo_cohort(folder: Path) -> Path:
    """The cohort of phantoms in `folder`, made where it is not there yet."""
    from CFRSegmentLib.cohort import Cohort, Origin, SegmentClass
    from CFRTrain.data.phantoms import make_phantom
    from CFRTrain.data.volume_writing import write_volume

    if (folder / "cohort.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Neither color is one of those that mean uncertainty, and color-blind people can tell them apart.
    classes = [SegmentClass(1, "Left atrium", (0, 158, 115)), SegmentClass(2, "Ventricle", (86, 180, 233))]
    with Cohort.create(folder, "Demo: hearts", classes) as cohort:
        for number in range(CASES):
            image, label = make_phantom(number, ventricle=True)
            file = cohort.newImageFile()
            write_volume(file, image)
            origin, title = Origin("scene", f"phantom {number}"), f"Phantom {number + 1:02d}"
            case = cohort.addCase(origin, title, file, "MR")
            if number < LABELED:
                temporary = cohort.newLabelFile(case.id)
                write_volume(temporary, label)
                cohort.commitLabel(case.id, temporary, "demo")
    return folder


def show(cohort: Path, display: str | None) -> int:
    """Open the window, with the module and the cohort, until it is closed."""
    from Testing.bed import startBed
    from Testing.bed.qt_application import qt_application

    os.environ["PATH"] = path_with_python_slicer(DEMO.parent / "bin")
    bed = startBed(display)
    bed.app.set_testing(False)
    widget = bed.loadModule(MODULE)
    widget.session.openCohort(cohort)
    application = qt_application()
    bed.app.aboutToQuit.connect(application.quit)
    return application.exec()


def main(arguments: list[str]) -> int:
    """Read the command line, make the cohort, show the window."""
    parser = argparse.ArgumentParser(prog="python -m Testing.preview", description=__doc__)
    parser.add_argument("--cohort", type=Path, help="open this cohort instead of the demo")
    parser.add_argument("--display", help="X display (default: that of the environment)")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(MODULE.parent))
    return show(options.cohort or demo_cohort(DEMO), options.display)


if __name__ == "__main__":
    from Testing.bed import leave

    leave(main(sys.argv[1:]))
