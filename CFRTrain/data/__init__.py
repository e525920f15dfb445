"""Volumes in, arrays on one planned grid out: reading, checking, planning, preprocessing, augmentation."""
