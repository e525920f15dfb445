"""CFRTrain: the engine of CFRSegment. From a few labeled volumes to a segmentation network."""

__version__ = "0.1.0"
