"""The weights files that Meta published with Segment Anything (Kirillov et al. 2023).

Standard library only: the viewer offers them before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass

LICENSE = "Apache License 2.0"
HOME_PAGE = "https://github.com/facebookresearch/segment-anything"


@dataclass(frozen=True)
class OfficialWeights:
    """One published file. model: vit_b, vit_l or vit_h."""

    model: str
    file_name: str
    sha256: str
    size_bytes: int = 0

    @property
    def url(self) -> str:
        """Where Meta offers it."""
        return f"https://dl.fbaipublicfiles.com/segment_anything/{self.file_name}"


OFFICIAL_WEIGHTS = {
    "vit_b": OfficialWeights(
        model="vit_b",
        file_name="sam_vit_b_01ec64.pth",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        size_bytes=375_042_383,
    ),
    "vit_l": OfficialWeights(
        model="vit_l",
        file_name="sam_vit_l_0b3195.pth",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        size_bytes=1_249_524_607,
    ),
    "vit_h": OfficialWeights(
        model="vit_h",
        file_name="sam_vit_h_4b8939.pth",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        size_bytes=2_564_550_879,
    ),
}
