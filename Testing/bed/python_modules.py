"""The Python modules below `slicer` that the wheel lacks: the bed's own, or those of a checkout."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import slicer

from Testing.bed import dicom_database, sample_data

STAND_INS = {
    "ScriptedLoadableModule": "Testing.bed.scripted",
    "i18n": "Testing.bed.i18n",
    "parameterNodeWrapper": "Testing.bed.parameter_nodes",
    "packaging": "Testing.bed.packaging_recorder",
}
# Never taken from a checkout: it would install packages.
ALWAYS_STAND_INS = {"packaging"}


def install_python_modules(source: Path | None) -> None:
    """Make `slicer.ScriptedLoadableModule` and the others importable.

    source: root of a Slicer checkout, or None for the bed's own stand-ins.
    Raises FileNotFoundError where the checkout has no Base/Python/slicer.
    """
    if source is not None:
        folder = source / "Base" / "Python" / "slicer"
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not there; name the root of a checkout of Slicer.")
        if str(folder) not in slicer.__path__:
            slicer.__path__.append(str(folder))
    for name, stand_in in STAND_INS.items():
        if source is None or name in ALWAYS_STAND_INS:
            module = importlib.import_module(stand_in)
        else:
            module = importlib.import_module(f"slicer.{name}")
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    sys.modules.update(dicom_database.python_modules())
    sys.modules["SampleData"] = sample_data
