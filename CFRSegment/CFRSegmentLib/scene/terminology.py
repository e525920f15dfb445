"""Terminology entries as Slicer writes them on segments: what a structure is, in coded terms."""

from __future__ import annotations

import slicer

CATEGORIES = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"
DEFAULT_TERMINOLOGY: str = slicer.vtkSegment().GetTerminology()
_PARTS = 7  # context, category, type, modifier, region context, region, region modifier

Code = tuple[str, str, str]


def serializeTerminology(category: Code, type_: Code, region: Code = ("", "", "")) -> str:
    """Slicer's text for an entry; a part is (coding scheme, code, meaning): ("SCT", "80891009", "Heart").

    ValueError when a part holds one of the characters that separate parts.
    """
    parts = [CATEGORIES, "^".join(category), "^".join(type_), "^^", REGIONS, "^".join(region), "^^"]
    if any(mark in text for text in (*category, *type_, *region) for mark in "~^|"):
        raise ValueError("codes and meanings must not hold the characters ~ ^ |")
    return "~".join(parts)


def describeTerminology(entry: str) -> str:
    """An entry for a person to read: "Anatomical Structure, Heart"; empty for none or a damaged one."""
    parts = entry.split("~")
    if len(parts) < _PARTS:
        return ""
    meanings = [part.split("^")[2] for part in (parts[1], parts[2], parts[5]) if part.count("^") == 2]
    return ", ".join(meaning for meaning in meanings if meaning)
