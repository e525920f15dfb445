"""The part of the sample module that needs no Slicer."""


def countVoxels(array, threshold, above):
    """Voxels above a threshold, or not above it."""
    return int((array > threshold).sum() if above else (array <= threshold).sum())
