"""Data that ships with the course: loaders, and the check that the files are whole."""

from .loaders import Play, load_penguins, load_plays, load_shakespeare
from .storage import DataFileError, verify

__all__ = ["DataFileError", "Play", "load_penguins", "load_plays", "load_shakespeare", "verify"]
