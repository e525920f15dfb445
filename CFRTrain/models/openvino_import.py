"""OpenVINO without its telemetry: importing the package reports to a server, which no program here may do."""

from __future__ import annotations

import sys
from types import ModuleType

TELEMETRY = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """The module `openvino`; the only way this program imports it. Raises ImportError where it is missing.

    Where its telemetry package cannot be imported OpenVINO takes a stub in its place that does nothing.
    """
    if "openvino" not in sys.modules:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # Python's way to say: not to be imported
    import openvino

    return openvino
