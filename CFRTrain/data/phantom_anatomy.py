"""The chest of a phantom: organs as signed distances, drawn one over the other with soft borders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

EDGE_MM = 0.9
"""Half width of the transition between two tissues (partial volume)."""

Vary = Callable[..., float]


@dataclass
class Anatomy:
    """The signal (z, y, x) relative to blood, and the signed distances in mm of the labeled organs."""

    signal: np.ndarray
    inside: dict[str, np.ndarray] = field(default_factory=dict)

    def paint(self, inside: np.ndarray, value: float) -> None:
        """Lay a tissue of relative signal `value` over what is there."""
        share = np.clip(inside / (2 * EDGE_MM) + 0.5, 0, 1)
        self.signal += share * (np.float32(value) - self.signal)


def draw_anatomy(at: np.ndarray, random: np.random.Generator) -> Anatomy:
    """A chest around a heart. `at` (3, z, y, x): mm from its center; z up, y to the back, x to the left."""

    def vary(value: float, share: float = 0.08) -> float:
        return float(value * (1 + random.normal(0, share)))

    anatomy = Anatomy(np.zeros(at.shape[1:], np.float32))
    _paint_chest(anatomy, at, vary)
    ventricle = ellipsoid(at, (-22, -14, 29), (vary(36), vary(23), vary(25)), tilt=0.6)
    right = ellipsoid(at, (-20, -32, -10), (vary(32), vary(19), vary(33)), tilt=0.35)
    right_atrium = ellipsoid(at, (0, -4, -43), (vary(25), vary(21), vary(18)))
    heart = smooth_union(smooth_union(ventricle + vary(9.0, 0.12), right + 3.5, 8), right_atrium + 3, 8)
    atrium = left_atrium(at, random, vary)
    fat = vary(1.5, 0.5) + vary(2.2, 0.3) * _waves(at, random)
    anatomy.paint(smooth_union(heart, atrium + 2, 12) + np.maximum(fat, 0), vary(0.78))
    anatomy.paint(heart, vary(0.30, 0.15))
    anatomy.paint(atrium + vary(1.6, 0.2), vary(0.42, 0.2))
    blood = vary(1.0, 0.06)
    _paint_vessels(anatomy, at, vary, blood)
    for chamber, relative in ((right, 0.90), (right_atrium, 0.91), (ventricle, 0.97)):
        anatomy.paint(chamber, blood * vary(relative, 0.03))
    anatomy.paint(
        np.minimum(atrium + vary(1.6, 0.2), smooth_union(ventricle, right_atrium, 1) + 2), vary(0.42, 0.2)
    )
    anatomy.paint(atrium, blood * vary(1.0, 0.03))
    anatomy.inside = {"left_atrium": atrium, "ventricle": ventricle}
    return anatomy


def _waves(at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A smooth random pattern (z, y, x) of about unit deviation, a few centimeters across."""
    pattern = np.zeros(at.shape[1:], np.float32)
    for length, phase in zip((17, 14, 15, 9), random.uniform(0, 6.28, 4), strict=True):
        direction = random.normal(0, 1, 3)
        along = np.tensordot((direction / np.linalg.norm(direction)).astype(np.float32), at, axes=1)
        pattern += np.sin(along / np.float32(length) + np.float32(phase))
    return pattern * np.float32(0.7)


def _paint_chest(anatomy: Anatomy, at: np.ndarray, vary: Vary) -> None:
    """Fat under the skin, chest wall, lungs, liver, spine."""
    body = cylinder(at, (0, 5, 0), (vary(105, 0.03), vary(150, 0.03)))
    anatomy.paint(body, vary(0.80))
    anatomy.paint(body - vary(14, 0.2), vary(0.38))
    for side in (-1, 1):
        lung = ellipsoid(at, (10, 12, side * 82), (vary(110), vary(72), vary(52)), tilt=0.0)
        anatomy.paint(lung, vary(0.07, 0.2))
    anatomy.paint(ellipsoid(at, (-100, -10, -45), (vary(50), 70, 90)), vary(0.55))
    anatomy.paint(cylinder(at, (0, 72, 0), (18, 22)), vary(0.50))
    anatomy.paint(cylinder(at, (0, 92, 0), (8, 9)), vary(0.65))


def _paint_vessels(anatomy: Anatomy, at: np.ndarray, vary: Vary, blood: float) -> None:
    """Aorta (ascending, descending), pulmonary artery, superior vena cava with dark walls; esophagus."""
    tubes = [
        (tube(at, (0, -14, 4), (60, -20, -12), vary(14)), 0.96),
        (cylinder(at, (0, 46, 18), (vary(11.5), vary(11.5))), 0.95),
        (tube(at, (8, -32, 12), (40, -8, 16), vary(12)), 0.9),
        (tube(at, (14, -4, -40), (80, -4, -36), vary(9)), 0.9),
    ]
    for vessel, relative in tubes:
        anatomy.paint(vessel + 1.5, vary(0.35))
        anatomy.paint(vessel, blood * vary(relative, 0.03))
    anatomy.paint(cylinder(at, (0, 43, -4), (6, 8)), vary(0.42))


def left_atrium(at: np.ndarray, random: np.random.Generator, vary: Vary) -> np.ndarray:
    """Body, four pulmonary veins (two to each side, from the back wall) and the appendage, in mm inside."""
    shape = ellipsoid(at, (8, 16, -2), (vary(21), vary(17), vary(29)), tilt=0.1)
    for side in (-1, 1):
        for height in (-8, 12):
            start = (8 + height * 0.5, 20, -2 + side * 17)
            end = (8 + height * 1.6 + random.normal(0, 3), 32 + random.normal(0, 3), side * vary(48))
            shape = smooth_union(shape, tube(at, start, end, vary(6.5, 0.1)), 4)
    tip = (22 + random.normal(0, 3), -10 + random.normal(0, 3), 42 + random.normal(0, 2))
    return smooth_union(shape, tube(at, (14, 8, 24), tip, vary(6.5, 0.12)), 4)


def ellipsoid(at: np.ndarray, center: tuple, radii: tuple, tilt: float = 0.0) -> np.ndarray:
    """Signed distance in mm (approximate, positive inside) to an ellipsoid turned about z by `tilt` rad."""
    z, y, x = (at[axis] - np.float32(center[axis]) for axis in range(3))
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    y, x = cos * y - sin * x, sin * y + cos * x
    scaled = np.sqrt((z / radii[0]) ** 2 + (y / radii[1]) ** 2 + (x / radii[2]) ** 2)
    return ((1 - scaled) * min(radii)).astype(np.float32)


def cylinder(at: np.ndarray, center: tuple, radii: tuple) -> np.ndarray:
    """Approximate signed distance in mm (positive inside) to an upright elliptic cylinder of radii (y, x)."""
    scaled = np.hypot((at[1] - center[1]) / radii[0], (at[2] - center[2]) / radii[1])
    return ((1 - scaled) * min(radii)).astype(np.float32)


def tube(at: np.ndarray, start: tuple, end: tuple, radius: float) -> np.ndarray:
    """Signed distance in mm (positive inside) to a straight tube with round ends."""
    first, along = np.array(start, np.float32), np.array(end, np.float32) - np.array(start, np.float32)
    offset = at - first[:, None, None, None]
    share = np.clip(np.tensordot(along / (along @ along), offset, axes=1), 0, 1)
    return radius - np.sqrt(((offset - along[:, None, None, None] * share) ** 2).sum(axis=0))


def smooth_union(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """The union of two shapes, with the crease between them filled over about `blend` mm."""
    share = np.clip(0.5 + (first - second) / (2 * blend), 0, 1)
    return second + (first - second) * share + blend * share * (1 - share)
