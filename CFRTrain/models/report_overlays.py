"""Pictures for the report: a slice of a case, plain and with its label maps drawn on it, as PNG."""

from __future__ import annotations

import colorsys
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion, zoom

from CFRTrain.runs.job import ClassSpec

Color = tuple[int, int, int]
PALETTE: tuple[Color, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114,
    178),
)  # fmt: skip
"""The colors of Okabe and Ito, which people with every kind of color vision can tell apart."""
PANEL_HEIGHT = 208
FILL, GAP, GAP_GRAY = 0.32, 6, 130
GRAYS = 64
"""Gray levels kept: noise in the last two bits of eight doubles the size of a picture and shows nothing."""


def class_colors(classes: Sequence[ClassSpec]) -> tuple[Color, ...]:
    """RGB per class: the job's own, else the palette's, and evenly spread hues beyond it."""
    hues = [colorsys.hsv_to_rgb(index * 0.618 % 1, 0.65, 0.95) for index in range(len(classes))]
    more = [tuple(round(255 * part) for part in hue) for hue in hues[len(PALETTE) :]]
    defaults = [*PALETTE, *more]
    return tuple(item.color or default for item, default in zip(classes, defaults, strict=False))


def best_slice(labels: Sequence[np.ndarray], axis: int) -> int:
    """Index along `axis` of the slice with the most labeled voxels in all maps; the middle if none."""
    others = tuple(other for other in range(3) if other != axis)
    counts = sum((label > 0).sum(axis=others) for label in labels) if labels else np.zeros(1)
    return int(np.argmax(counts)) if counts.any() else (labels[0].shape[axis] // 2 if labels else 0)


def overlay_png(
    image: np.ndarray,
    layers: Sequence[np.ndarray],
    colors: Sequence[Color],
    spacing: tuple[float, float] = (1.0, 1.0),
) -> bytes:
    """A PNG of an image slice (rows, columns), next to it the same slice with each label map drawn on it.

    layers: class indices 0..K of the image's shape; colors: RGB of the classes 1..K; spacing: mm per row and
    column. Pixels of the PNG are square.
    """
    scale = PANEL_HEIGHT / image.shape[0]
    factors = (scale, scale * spacing[1] / spacing[0])
    gray = zoom(_windowed(image), factors, order=1, mode="nearest", grid_mode=True)
    gray = np.clip(np.round(gray * (GRAYS - 1)) * (255 / (GRAYS - 1)), 0, 255).astype(np.uint8)
    plain = np.repeat(gray[..., None], 3, axis=2)
    panels = [plain]
    for layer in layers:
        enlarged = zoom(layer, factors, order=0, mode="nearest", grid_mode=True)
        panels += [np.full((len(plain), GAP, 3), GAP_GRAY, np.uint8), _painted(plain, enlarged, colors)]
    return encode_png(np.concatenate(panels, axis=1))


def _windowed(image: np.ndarray) -> np.ndarray:
    """Values in 0 to 1 between the 1st and 99.5th percentile."""
    low, high = np.percentile(image, [1, 99.5])
    return np.clip((image.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1)


def _painted(plain: np.ndarray, layer: np.ndarray, colors: Sequence[Color]) -> np.ndarray:
    """The picture (rows, columns, 3) with each class filled lightly and outlined."""
    painted = plain.astype(np.float32)
    for value, color in enumerate(colors, start=1):
        mask = layer == value
        outline = mask & ~binary_erosion(mask, iterations=2)
        painted[mask] += FILL * (np.array(color) - painted[mask])
        painted[outline] = color
    return painted.round().astype(np.uint8)


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG file of RGB pixels uint8 (rows, columns, 3) (ISO/IEC 15948), each row stored as differences."""
    rows, columns, _ = pixels.shape
    filtered = pixels.astype(np.int16)
    filtered[:, 1:] -= pixels[:, :-1]
    data = np.empty((rows, 1 + 3 * columns), np.uint8)
    data[:, 0] = 1
    data[:, 1:] = (filtered & 255).reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(data.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
