"""The version of the package, for Python and for pyproject.toml, which reads it from here."""

__all__ = ["__version__"]

__version__ = "0.1.0"
