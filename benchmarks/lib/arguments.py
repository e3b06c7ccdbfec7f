"""Parsers of what stands on command lines."""

import argparse

__all__ = ["names_of", "shapes_of"]


def names_of(known):
    """Return a parser of names with commas between them."""

    def parse_names(text):
        names = text.split(",")
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"{text!r} is not made of {', '.join(known)}")
        return names

    return parse_names


def shapes_of(text):
    """Return shapes such as 569x30, with commas between them."""
    return [tuple(map(int, shape.split("x"))) for shape in text.split(",")]
