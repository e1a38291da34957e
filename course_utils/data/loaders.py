"""Loads the data sets that ship with the course."""

from __future__ import annotations

import gzip
import io
from typing import NamedTuple

import pandas as pd

from .storage import read_file


def load_penguins(raw: bool = False) -> pd.DataFrame:
    """Load measurements of 344 penguins of three species, taken in Antarctica from 2007 to 2009.

    Each row is one adult bird. The birds were measured in pairs: rows 0 and 1 share a
    nest, rows 2 and 3 the next, and so on.

    Args:
        raw: Load the table as the field workers kept it, with 17 columns, comments and 336 missing values,
            instead of the tidy one with 8 columns and 19 missing values.

    Returns:
        A table of shape (344, 8): ``species``, ``island``, ``bill_length_mm``, ``bill_depth_mm``,
        ``flipper_length_mm``, ``body_mass_g``, ``sex``, ``year``; or of shape (344, 17) when ``raw``.
        Missing values are NaN.

    Raises:
        DataFileError: If the file is missing or damaged.

    Source:
        Gorman, Williams and Fraser (2014), "Ecological sexual dimorphism and environmental variability
        within a community of Antarctic penguins (genus Pygoscelis)", PLOS ONE 9(3): e90081.

    >>> load_penguins().shape
    (344, 8)
    >>> int(load_penguins(raw=True).isna().sum().sum())
    336
    """
    return pd.read_csv(io.BytesIO(read_file("penguins_raw.csv" if raw else "penguins.csv")))


class Play(NamedTuple):
    """One play of Shakespeare."""

    title: str
    """Title of the play, such as ``"Hamlet"``."""

    genre: str
    """One of comedies, histories, problems, roman, romances and tragedies."""

    text: str
    """The play from its title to its last line; see :func:`load_shakespeare` for the layout."""


def load_plays() -> tuple[Play, ...]:
    """Load the 38 plays of Shakespeare one by one, sorted by genre and title.

    Returns:
        The plays.

    Raises:
        DataFileError: If the file is missing or damaged.

    >>> plays = load_plays()
    >>> len(plays), plays[-4].title, plays[-4].genre
    (38, 'Macbeth', 'tragedies')
    """
    library = gzip.decompress(read_file("shakespeare.txt.gz")).decode("ascii")
    plays = []
    # Each play is introduced by a line "<<< genre", which occurs in no play.
    for block in library.split("<<< ")[1:]:
        genre, _, text = block.partition("\n")
        title, _, _ = text.partition("\n")
        plays.append(Play(title, genre, text))
    return tuple(plays)


def load_shakespeare() -> str:
    """Load the 38 plays of Shakespeare as one text.

    A play starts with its title; acts and scenes have a line of their own. Before each speech stands the
    speaker's name and a colon. Stage directions are in square brackets.

    Returns:
        4,998,185 characters of 78 different kinds, all ASCII.

    Raises:
        DataFileError: If the file is missing or damaged.

    >>> text = load_shakespeare()
    >>> start = text.index("To be, or not to be")
    >>> print(text[start - 8 : start + 41])
    HAMLET:
    To be, or not to be: that is the question
    """
    return "\n".join(play.text for play in load_plays())
