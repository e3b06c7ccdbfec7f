"""Bounds beside those of the first paper, which `theory` offers, and what bounds are made of."""
