"""The packages that the engine needs, in three groups, from the files in Resources."""

from __future__ import annotations

BASE = "base"  # everything but SAM: atlas labeler, training, inference
SAM = "sam"  # the SAM labeler
FAST = "fast"  # faster inference on processors without a GPU
