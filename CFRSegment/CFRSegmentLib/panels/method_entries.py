"""The ways to learn from volumes without a label, as the panel names them."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n import _

Entries = Sequence[tuple[str, str, str]]


def methodEntries() -> Entries:
    """Value, title and explanation of each; the values are the names in the engine's table of methods."""
    return (
        ("", _("As the preset says"), _("The method that belongs to the preset.")),
        ("self_training", _("Self-training"), _("Learns from the labels and the pseudo-labels.")),
        (
            "mean_teacher",
            _("Mean Teacher"),
            _("Learns from the pseudo-labels, too, and agrees with the average of its own past."),
        ),
        ("supervised", _("Supervised"), _("Learns from the labels alone; the other volumes are not used.")),
        *_teachers(),
        *_networks(),
        *_shapes(),
    )


def _teachers() -> Entries:
    """Methods with a teacher that is the average of the network's past."""
    return (
        ("ua_mt", _("UA-MT"), _("Mean Teacher, followed only where the teacher is certain.")),
        ("ict", _("ICT"), _("Mixtures of two images are segmented as the same mixture of their results.")),
        ("acmt", _("ACMT"), _("Mean Teacher on ambiguous voxels only: those with high entropy.")),
        (
            "acmt_uncertainty",
            _("ACMT, uncertainty"),
            _("Mean Teacher on ambiguous voxels only: those on which repeated passes differ."),
        ),
        (
            "acmt_prototypes",
            _("ACMT, prototypes"),
            _("Mean Teacher on ambiguous voxels only: those whose features fit another class better."),
        ),
        (
            "bcp",
            _("BCP"),
            _("Boxes of unlabeled images are pasted into labeled ones, and back."),
        ),
        ("cpcl", _("CPCL"), _("Features of each class in labeled volumes classify the others, and back.")),
        (
            "magicnet",
            _("MagicNet"),
            _("Cubes of volumes are mixed and put back; made for several organs."),
        ),
    )


def _networks() -> Entries:
    """Methods with two networks, or with several decoders of one."""
    return (
        ("cps", _("CPS"), _("Two networks, each learns what the other says. Twice the time and memory.")),
        ("caussl", _("CauSSL"), _("CPS, with networks that are kept different. Twice the time and memory.")),
        ("mn", _("M&N"), _("A model of single slices and the 3D network teach each other in turns.")),
        ("cct", _("CCT"), _("Several decoders with disturbed features agree with the undisturbed one.")),
    )


def _shapes() -> Entries:
    """Methods with one network that must agree with itself."""
    return (
        ("urpc", _("URPC"), _("Results at several resolutions agree with their mean.")),
        ("dtc", _("DTC"), _("A mask and a distance to the surface, predicted side by side, agree.")),
        (
            "ss_net",
            _("SS-Net"),
            _("Small changes of the image do not move the result, and classes lie apart."),
        ),
    )
