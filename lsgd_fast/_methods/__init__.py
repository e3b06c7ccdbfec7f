"""Algorithms that the compiled package and the reference share."""
