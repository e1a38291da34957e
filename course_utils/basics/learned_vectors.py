"""Word vectors from counting: which words stand near which, how surprising that is, and a short summary.

The path is that of Levy and Goldberg (2014), "Neural Word Embedding as Implicit Matrix Factorization":
co-occurrence counts, positive pointwise mutual information, and a truncated singular value
decomposition.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_SPEAKER = re.compile(r"[A-Z][A-Za-z .,'-]{0,40}:")


class WordVectors(NamedTuple):
    """Words, most frequent first, with how often each occurs and its vector."""

    words: list[str]
    counts: Int[Tensor, " words"]
    vectors: Float[Tensor, "words d"]


def words_of(text: str) -> list[str]:
    """Split a text into words of small letters; a hyphen or an apostrophe inside a word is kept.

    >>> words_of("What light through yonder window breaks?")
    ['what', 'light', 'through', 'yonder', 'window', 'breaks']
    """
    return _WORD.findall(text.lower())


def speeches_of(play: str) -> list[list[str]]:
    """List the speeches of a play, each as its lines, without speakers' names and stage directions.

    Args:
        play: A play in which a speech is a block of lines, the first of them the speaker's name and a colon.

    Returns:
        The lines of each speech.

    >>> speeches_of("ACT I" + chr(10) * 2 + "ROMEO:" + chr(10) + "Is the day so young? [Aside]" + chr(10) * 2)
    [['Is the day so young?']]
    """
    blocks = re.split(r"\n\s*\n", re.sub(r"\[[^\]]*\]", "", play))
    speeches = []
    for block in blocks:
        speaker, *lines = block.strip().splitlines() or [""]
        if _SPEAKER.fullmatch(speaker.strip()):
            speeches.append([line.strip() for line in lines])
    return speeches


def count_neighbors(
    texts: Sequence[Sequence[str]], words: Sequence[str], window: int = 5
) -> Int[np.ndarray, "words words"]:
    """Count how often two words stand at most ``window`` places apart in the same text.

    Args:
        texts: Each text as its words.
        words: The words to count; others keep their place and are passed over.
        window: The largest distance, in words.

    Returns:
        A symmetric table: row i, column j counts the times that word j stands near word i.

    >>> count_neighbors([["sun", "and", "moon"], ["moon"]], ["sun", "moon"], window=2)
    array([[0, 1],
           [1, 0]])
    """
    number = {word: i for i, word in enumerate(words)}
    # A gap of `window` strangers keeps the end of one text from meeting the start of the next.
    gap = [-1] * window
    line = np.array(
        [n for text in texts for n in [*(number.get(word, -1) for word in text), *gap]], dtype=int
    )
    pairs = []
    for distance in range(1, window + 1):
        first, second = line[:-distance], line[distance:]
        both = (first >= 0) & (second >= 0)
        pairs.append(first[both] * len(words) + second[both])
    counts = np.bincount(np.concatenate(pairs), minlength=len(words) ** 2).reshape(len(words), len(words))
    return counts + counts.T


def positive_pmi(
    counts: Int[np.ndarray, "words contexts"], smoothing: float = 0.75
) -> Float[np.ndarray, "words contexts"]:
    """Compare counts with what chance would give: the logarithm of the ratio, zero where it is negative.

    Args:
        counts: How often each word stands near each context word; every row and column holds a positive one.
        smoothing: Contexts count as frequent as their count to this power, which tames rare ones.

    Returns:
        ``max(0, log(P(word, context) / (P(word) P(context))))``, zero where the two never met.

    Source:
        Church and Hanks (1990), "Word Association Norms, Mutual Information, and Lexicography"; the smoothing
        from Levy, Goldberg and Dagan (2015), section 3.2.

    >>> positive_pmi(np.array([[8, 0], [0, 8]]), smoothing=1.0).round(2)  # twice as often as chance: log 2
    array([[0.69, 0.  ],
           [0.  , 0.69]])
    """
    joint = counts / counts.sum()
    word = joint.sum(axis=1, keepdims=True)
    context = counts.sum(axis=0) ** smoothing
    ratio = joint / (word * (context / context.sum()))
    return np.log(np.maximum(ratio, 1.0))


def largest_directions(
    matrix: Float[np.ndarray, "rows columns"], d: int, block: int = 20, steps: int = 25
) -> tuple[Float[np.ndarray, "rows d"], Float[np.ndarray, " d"]]:
    """Find the d largest singular values of a matrix with their left singular vectors.

    A large matrix M is met only in products. Random vectors, and what M Mᵀ makes of them again and again,
    span a space that holds the largest directions nearly exactly; inside it the problem is a small one.

    Args:
        matrix: Any matrix of rank d or more.
        d: How many, well below ``block * steps``.
        block: How many vectors are multiplied at once.
        steps: How often; more steps tell values apart that lie closer together.

    Returns:
        The vectors as columns, the largest entry of each positive so that the signs are the same everywhere,
        and the singular values, largest first.

    Source:
        Musco and Musco (2015), "Randomized Block Krylov Methods for Stronger and Faster Approximate Singular
        Value Decomposition", algorithm 2, with new vectors made orthogonal to the old ones at each step.

    >>> vectors, values = largest_directions(np.diag(np.arange(1.0, 31.0)), 2)
    >>> values.round(6)
    array([30., 29.])
    """
    if min(matrix.shape) <= block * steps:
        vectors, values, _ = np.linalg.svd(matrix, full_matrices=False)
    else:
        new, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((len(matrix), block)))
        basis, images = np.empty((2, len(matrix), block * steps))
        for end in range(block, block * steps + 1, block):
            basis[:, end - block : end] = new
            images[:, end - block : end] = new = matrix @ (matrix.T @ new)
            for _ in range(3):  # again against rounding, which is all that is left once the space is full
                new, _ = np.linalg.qr(new - basis[:, :end] @ (basis[:, :end].T @ new))
        squares, small = np.linalg.eigh(basis.T @ images)
        vectors, values = basis @ small[:, : -d - 1 : -1], np.sqrt(squares[: -d - 1 : -1])
    largest = np.abs(vectors[:, :d]).argmax(axis=0)
    return vectors[:, :d] * np.sign(vectors[largest, range(d)]), values[:d]


def learn_word_vectors(
    texts: Sequence[Sequence[str]], d: int = 50, window: int = 5, at_least: int = 20
) -> WordVectors:
    """Learn a vector for each frequent word from the words that stand near it.

    Args:
        texts: Each text as its words.
        d: Entries of a vector.
        window: How far apart two words may stand to count as near.
        at_least: How often a word must occur to get a vector.

    Returns:
        The words, most frequent first (equals by the alphabet), their counts, and their vectors: the left
        singular vectors, each times the square root of its singular value.

    Raises:
        ValueError: If fewer than d words are frequent enough.

    Source:
        Levy and Goldberg (2014), the "symmetric" factorization of their section on SVD.

    >>> text = [letter for letter in "abcdefghijklmnopqrstuvwxyz" for _ in range(3)]
    >>> learned = learn_word_vectors([text], d=2, at_least=3)
    >>> len(learned.words), learned.vectors.shape
    (26, torch.Size([26, 2]))
    """
    total = Counter(word for text in texts for word in text)
    words = sorted((word for word in total if total[word] >= at_least), key=lambda word: (-total[word], word))
    if len(words) < d:
        raise ValueError(
            f"{len(words)} words occur {at_least} times or more, and vectors of {d} entries need {d}; "
            "give more text, or lower at_least or d"
        )
    directions, values = largest_directions(positive_pmi(count_neighbors(texts, words, window)), d)
    return WordVectors(
        words=words,
        counts=torch.tensor([total[word] for word in words]),
        vectors=torch.tensor(directions * np.sqrt(values)),
    )
