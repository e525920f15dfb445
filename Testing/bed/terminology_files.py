"""Small terminology files: Slicer's terminologies logic asks for three, and the slicer-core wheel has none.

The contexts carry Slicer's names, so that terminology entries written with Slicer are found; the codes are
a few of SNOMED CT's, enough for tests and demonstrations.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GENERAL_ANATOMY = "Segmentation category and type - 3D Slicer General Anatomy list"
DICOM_MASTER = "Segmentation category and type - DICOM master list"
REGIONS = "Anatomic codes - DICOM master list"
_SCHEMAS = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/"

# (category, its code), then (type, its code, color)
_TISSUE = (
    ("Tissue", "85756007"),
    [("Tissue", "85756007", (128, 174, 128)), ("Bone", "272673000", (241, 214, 145))],
)
_STRUCTURES = (
    ("Anatomical Structure", "123037004"),
    [
        ("Heart", "80891009", (206, 110, 84)),
        ("Left atrium", "82471001", (203, 108, 81)),
        ("Hippocampus", "5366008", (250, 210, 139)),
        ("Brain", "12738006", (250, 250, 225)),
        ("Liver", "10200004", (221, 130, 101)),
        ("Spleen", "78961009", (157, 108, 162)),
    ],
)
_ALTERED = (
    ("Morphologically Altered Structure", "49755003"),
    [("Mass", "4147007", (144, 238, 144)), ("Neoplasm", "108369006", (144, 238, 144))],
)


def categories() -> tuple[Any, ...]:
    """Each category (name, code) with its types (name, code, color)."""
    return _TISSUE, _STRUCTURES, _ALTERED


def write(folder: Path) -> Path:
    """Write the three files that the logic loads when it starts; returns the folder."""
    folder.mkdir(parents=True)
    for name, context in (("SlicerGeneralAnatomy", GENERAL_ANATOMY), ("DICOM-Master", DICOM_MASTER)):
        path = folder / f"SegmentationCategoryTypeModifier-{name}.term.json"
        path.write_text(json.dumps(_types(context)), "utf-8")
    path = folder / "AnatomicRegionAndModifier-DICOM-Master.term.json"
    path.write_text(json.dumps(_regions()), "utf-8")
    return folder


def _code(meaning: str, value: str) -> dict[str, Any]:
    return {"CodeMeaning": meaning, "CodeValue": value, "CodingSchemeDesignator": "SCT"}


def _types(context: str) -> dict[str, Any]:
    categories = [
        {
            **_code(*category),
            "showAnatomy": True,
            "Type": [
                {**_code(name, code), "recommendedDisplayRGBValue": color} for name, code, color in types
            ],
        }
        for category, types in (_TISSUE, _STRUCTURES, _ALTERED)
    ]
    return {
        "SegmentationCategoryTypeContextName": context,
        "@schema": f"{_SCHEMAS}segment-context-schema.json#",
        "SegmentationCodes": {"Category": categories},
    }


def _regions() -> dict[str, Any]:
    regions = [_code(name, code) for name, code, _ in _STRUCTURES[1]]
    return {
        "AnatomicContextName": REGIONS,
        "@schema": f"{_SCHEMAS}anatomic-context-schema.json#",
        "AnatomicCodes": {"AnatomicRegion": regions},
    }
