"""What is said after a label was saved."""

from __future__ import annotations

from ..i18n import _
from ..scene import SaveReport


def savedText(report: SaveReport) -> str:
    """How much of each class was saved, and what a user should know about it."""
    parts = [_("{name} {count}").format(name=name, count=count) for name, count in report.voxels.items()]
    lines = [_("Label saved. Voxels: {counts}.").format(counts=", ".join(parts))]
    lines += [
        _("{kept} and {lost} overlapped in {count} voxels; they were saved as {kept}.").format(
            kept=kept, lost=lost, count=count
        )
        for kept, lost, count in report.overlaps
    ]
    if report.ignored:
        text = _("Not saved, because they are no class of the cohort: {names}.")
        lines.append(text.format(names=", ".join(report.ignored)))
    if report.outside:
        lines.append(_("Not saved: {count} voxels outside the volume.").format(count=report.outside))
    if not any(report.voxels.values()):
        lines.append(_("The label is empty: it trains as a volume without these structures."))
    return "\n".join(lines)


def needsAttention(report: SaveReport) -> bool:
    """Whether something was saved otherwise than it was drawn, or nothing was drawn."""
    return bool(report.overlaps or report.ignored or report.outside or not any(report.voxels.values()))
