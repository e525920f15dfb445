"""Nothing is left behind: temporary nodes go, and the nodes of a case go together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer


def removeCaseNodes(caseId: str, keepImage: bool = False) -> int:
    """Remove the case's marked nodes with their display nodes, and its folder if that is empty then.

    A volume that the user loaded (see `adoptVolume`) stays and is only unmarked. Returns how many nodes
    went.
    """
    raise NotImplementedError


@contextmanager
def temporaryNodes() -> Iterator[list[slicer.vtkMRMLNode]]:
    """Every node that is added to the scene inside is removed at the end, also after an error.

    Append a node to the list that is given to keep it, with its display and storage nodes.
    """
    raise NotImplementedError
    yield []
