"""Slice and 3D views: logics and displayable managers of MRML in Qt widgets, and their layouts."""
