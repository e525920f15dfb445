"""Terminology entries as Slicer writes them on segments: what a structure is, in SNOMED CT codes."""

from __future__ import annotations

DEFAULT_TERMINOLOGY = ""


def serializeTerminology(
    category: tuple[str, str, str],
    type_: tuple[str, str, str],
    region: tuple[str, str, str] = ("", "", ""),
) -> str:
    """Slicer's text for an entry; each part is (coding scheme, code, meaning), as ("SCT", "80891009",
    "Heart").
    """
    raise NotImplementedError


def describeTerminology(entry: str) -> str:
    """An entry for a person to read: "Anatomical Structure, Heart"; empty for no entry or one that is
    damaged.
    """
    raise NotImplementedError
