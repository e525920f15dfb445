"""SAM's official weights: which there are, where they are, under which license. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from CFRTrain.runs.official_weights import HOME_PAGE, LICENSE, OFFICIAL_WEIGHTS, OfficialWeights

from ..i18n import _


@dataclass(frozen=True)
class WeightsEntry:
    """One official file; `file` is its place in the weights folder, None where it is not there yet."""

    model: str
    title: str
    fileName: str
    url: str
    sha256: str
    sizeBytes: int
    file: Path | None


def weightsEntries(folder: Path) -> tuple[WeightsEntry, ...]:
    """ViT-B, ViT-L, ViT-H, and which of them are in `folder`.

    A file gets its name there only after its checksum was verified; the engine verifies it again when it
    reads it.
    """
    return tuple(_entry(Path(folder), official) for official in OFFICIAL_WEIGHTS.values())


def _entry(folder: Path, official: OfficialWeights) -> WeightsEntry:
    title = f"SAM ViT-{official.model[-1].upper()}"
    file = folder / official.file_name
    converted = file.with_suffix(".safetensors")
    present = next((path for path in (file, converted) if _isThere(path, official)), None)
    return WeightsEntry(
        official.model, title, official.file_name, official.url, official.sha256, official.size_bytes, present
    )


def _isThere(path: Path, official: OfficialWeights) -> bool:
    """Whether a file is there, whole as far as its size tells; a converted copy needs its record."""
    if not path.is_file():
        return False
    if path.suffix == ".safetensors":
        return path.with_suffix(".json").is_file()
    return not official.size_bytes or path.stat().st_size == official.size_bytes


def removeWeights(folder: Path, model: str) -> None:
    """Deletes an official file, its converted copy and what is left of a download from `folder`."""
    file = Path(folder) / OFFICIAL_WEIGHTS[model].file_name
    left = [file, file.with_suffix(".safetensors"), file.with_suffix(".json")]
    for path in [*left, file.with_name(f".{file.name}.part")]:
        path.unlink(missing_ok=True)


def licenseText() -> str:
    """What a person agrees to before a download, in words."""
    return _(
        "Meta publishes the weights of Segment Anything under the {license} ({page}). They are downloaded "
        "from Meta's server and verified by their checksum. Nothing is sent."
    ).format(license=LICENSE, page=HOME_PAGE)
