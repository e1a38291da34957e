"""Embeddings: comparing vectors, and searching many of them exactly or approximately.

Vectors are the rows of a matrix. Similarity is the cosine of the angle between two of them. The approximate
search is locality-sensitive hashing with random hyperplanes: Charikar (2002), "Similarity Estimation
Techniques from Rounding Algorithms", section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.basics.learned_vectors import words_of


def unit_vectors(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Divide each row by its length, so that only its direction is left.

    Args:
        vectors: Rows of any length, of shape (n, d).

    Returns:
        Rows of length one; a row of zeros has no direction and stays zero.

    >>> unit_vectors(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(length > 0, length, 1.0)


def cosine_similarity(
    queries: Float[Tensor, "queries d"], vectors: Float[Tensor, "n d"]
) -> Float[Tensor, "queries n"]:
    """Compute the cosine of the angle between every query and every vector.

    Args:
        queries: The vectors to compare, of shape (queries, d).
        vectors: The vectors they are compared with, of shape (n, d).

    Returns:
        Numbers from -1 (opposite directions) to 1 (the same direction), up to rounding. A vector of zeros has
        similarity 0 with everything.

    Raises:
        ValueError: If queries and vectors have different numbers of entries.

    Source:
        Salton, Wong and Yang (1975), "A Vector Space Model for Automatic Indexing".

    >>> cosine_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 2.0], [-3.0, 0.0]]))
    tensor([[ 1.,  0., -1.]])
    """
    if queries.shape[-1] != vectors.shape[-1]:
        raise ValueError(
            f"queries have {queries.shape[-1]} entries and vectors {vectors.shape[-1]}; "
            "both must come from the same embedding"
        )
    return unit_vectors(queries) @ unit_vectors(vectors).T


def top_k(
    scores: Float[Tensor, "queries n"], k: int
) -> tuple[Float[Tensor, "queries k"], Int[Tensor, "queries k"]]:
    """Find the k largest scores of each row, largest first; among equals the lower column comes first.

    Args:
        scores: A score for each query and each candidate, of shape (queries, n).
        k: How many to keep, from 1 to n.

    Returns:
        The scores and their columns, in the order of ``torch.topk``, which leaves open who wins a tie.

    Raises:
        ValueError: If k is below 1 or above n.

    >>> top_k(torch.tensor([[0.2, 0.9, 0.2, 0.5]]), 3)
    (tensor([[0.9000, 0.5000, 0.2000]]), tensor([[1, 3, 0]]))
    """
    if not 1 <= k <= scores.shape[-1]:
        raise ValueError(f"k must lie between 1 and the {scores.shape[-1]} candidates, not {k}")
    values, columns = scores.sort(dim=-1, descending=True, stable=True)
    return values[:, :k], columns[:, :k]


def similar_words(word: str, words: Sequence[str], vectors: Float[Tensor, "n d"], k: int) -> list[str]:
    """List the k other words whose vectors are most similar to that of a word.

    Args:
        word: The word to start from.
        words: All words, in the order of the rows.
        vectors: Their vectors, of shape (n, d).
        k: How many words, from 1 to n - 1.

    Returns:
        The words, most similar first; the word itself is left out.

    Raises:
        ValueError: If the word is unknown, or k is out of range.

    >>> similar_words("sun", ["sun", "ship", "moon"], torch.tensor([[2.0, 1.0], [0.0, 1.0], [4.0, 1.0]]), 2)
    ['moon', 'ship']
    """
    if word not in words:
        raise ValueError(f"{word!r} is not among the {len(words)} words; it may be too rare")
    others = [row for row, other in enumerate(words) if other != word]
    query = vectors[[words.index(word)]]
    _, columns = top_k(cosine_similarity(query, vectors[others]), k)
    return [words[others[column]] for column in columns[0].tolist()]


class NearestNeighbors:
    """Exact search: compare a query with every stored vector.

    The work grows with n · d for each query. Nothing is missed.

    Args:
        vectors: The collection, of shape (n, d).

    >>> index = NearestNeighbors(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> similarities, rows = index.search(torch.tensor([[2.0, 0.0]]), k=2)
    >>> rows
    tensor([[0, 2]])
    """

    def __init__(self, vectors: Float[Tensor, "n d"]) -> None:
        self.vectors = unit_vectors(vectors)

    def search(
        self, queries: Float[Tensor, "queries d"], k: int
    ) -> tuple[Float[Tensor, "queries k"], Int[Tensor, "queries k"]]:
        """Find the k most similar vectors of each query.

        Args:
            queries: Vectors of shape (queries, d).
            k: How many to find.

        Returns:
            The similarities, largest first, and the row numbers; equals in the order of their rows.

        Raises:
            ValueError: If k is out of range, or the queries have another number of entries.
        """
        entries = self.vectors.shape[-1]
        if queries.shape[-1] != entries:
            raise ValueError(f"queries have {queries.shape[-1]} entries, and the stored vectors {entries}")
        # A few queries at a time: the table of scores for thousands of queries would fill the memory.
        parts = [top_k(part @ self.vectors.T, k) for part in unit_vectors(queries).split(64)]
        similarities, rows = zip(*parts, strict=True)
        return torch.cat(similarities), torch.cat(rows)


def recall_at_k(found: Sequence[Sequence[int]], nearest: Sequence[Sequence[int]], k: int) -> float:
    """Compute which share of the true k nearest neighbors a search returned among its first k.

    Args:
        found: The row numbers that the search returned for each query, best first; possibly fewer than k.
        nearest: The row numbers of the true neighbors of each query, nearest first; at least k.
        k: How many count.

    Returns:
        The share, averaged over the queries, from 0 to 1. The order within the first k does not matter.

    Raises:
        ValueError: If there is no query, the numbers of queries differ, k is below 1, or fewer than k true
            neighbors are given.

    Source:
        Manning, Raghavan and Schütze (2008), "Introduction to Information Retrieval", section 8.3.

    >>> recall_at_k(found=[[4, 7, 9], [3]], nearest=[[7, 4, 1], [5, 3, 2]], k=3)
    0.5
    """
    if len(found) != len(nearest) or not found:
        raise ValueError(f"{len(found)} results were given for {len(nearest)} queries; need one for each")
    if k < 1 or min(len(rows) for rows in nearest) < k:
        raise ValueError(f"k is at least 1 and at most the number of true neighbors that are given, not {k}")
    shares = [len(set(ours[:k]) & set(true[:k])) / k for ours, true in zip(found, nearest, strict=True)]
    return sum(shares) / len(shares)


def random_hyperplanes(tables: int, bits: int, d: int, seed: int = 0) -> Float[Tensor, "tables bits d"]:
    """Draw hyperplanes through the origin, each given by a vector at a right angle to it.

    Args:
        tables: How many hash tables.
        bits: How many hyperplanes each table has.
        d: Entries of the vectors to be hashed.
        seed: The same seed gives the same hyperplanes.

    Returns:
        Independent standard normal numbers in double precision, so that every direction is equally likely.

    >>> random_hyperplanes(tables=8, bits=12, d=50).shape
    torch.Size([8, 12, 50])
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tables, bits, d, generator=generator, dtype=torch.float64)


def hash_buckets(
    vectors: Float[Tensor, "n d"], hyperplanes: Float[Tensor, "tables bits d"]
) -> Int[Tensor, "tables n"]:
    """Number the bucket of every vector in every table: one bit for the side of each hyperplane.

    Two vectors at an angle θ (in radians) get the same bit with probability 1 - θ/π over the choice of the
    hyperplane.

    Args:
        vectors: Rows to hash, of shape (n, d).
        hyperplanes: The normal vectors, of shape (tables, bits, d) and of the same dtype.

    Returns:
        Whole numbers from 0 to 2^bits - 1. Hyperplane j of a table adds 2^j (hyperplane 0 is the lowest bit)
        if its dot product with the vector is zero or positive.

    Raises:
        ValueError: If the vectors have another number of entries, or there are more than 62 bits.
        TypeError: If the dtypes differ.

    Source:
        Charikar (2002), section 3.

    >>> planes = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> hash_buckets(torch.tensor([[2.0, 1.0], [-2.0, 1.0], [-2.0, -1.0]]), planes)
    tensor([[3, 2, 0]])
    """
    _, bits, d = hyperplanes.shape
    if vectors.shape[-1] != d:
        raise ValueError(f"the vectors have {vectors.shape[-1]} entries and the hyperplanes {d}")
    if bits > 62:
        raise ValueError(f"{bits} bits do not fit into a whole number of 64 bits; use 62 at most")
    if vectors.dtype != hyperplanes.dtype:
        raise TypeError(
            f"the vectors are {vectors.dtype} and the hyperplanes {hyperplanes.dtype}; "
            "convert one of them, as in vectors.double()"
        )
    sides = torch.einsum("tbd,nd->tnb", hyperplanes, vectors) >= 0
    return (sides * 2 ** torch.arange(bits)).sum(dim=-1)


class RandomProjectionIndex:
    """Approximate search: look only at vectors that share a bucket with the query in some table.

    More bits make the buckets smaller, so fewer vectors are looked at and more neighbors missed. More tables
    give a neighbor more chances to be seen.

    Args:
        vectors: The collection, of shape (n, d).
        hyperplanes: The normal vectors, of shape (tables, bits, d); see :func:`random_hyperplanes`.

    Source:
        Charikar (2002) for the hash; Indyk and Motwani (1998) for several tables.

    >>> planes = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # two tables of one bit
    >>> index = RandomProjectionIndex(torch.tensor([[2.0, 1.0], [2.0, -1.0], [-2.0, -1.0]]), planes)
    >>> index.candidates(torch.tensor([1.0, 3.0]))
    [0, 1]
    >>> index.search(torch.tensor([1.0, 3.0]), k=1)[1]
    tensor([0])
    """

    def __init__(self, vectors: Float[Tensor, "n d"], hyperplanes: Float[Tensor, "tables bits d"]) -> None:
        self.vectors = vectors
        self.hyperplanes = hyperplanes
        self.tables: list[dict[int, list[int]]] = []
        for buckets in hash_buckets(vectors, hyperplanes).tolist():
            table: dict[int, list[int]] = {}
            for row, bucket in enumerate(buckets):
                table.setdefault(bucket, []).append(row)
            self.tables.append(table)

    def candidates(self, query: Float[Tensor, " d"]) -> list[int]:
        """List the rows that share a bucket with the query in at least one table.

        Args:
            query: A vector of shape (d,).

        Returns:
            Row numbers, each once, in rising order.
        """
        rows: set[int] = set()
        buckets = hash_buckets(query[None], self.hyperplanes)[:, 0].tolist()
        for table, bucket in zip(self.tables, buckets, strict=True):
            rows.update(table.get(bucket, []))
        return sorted(rows)

    def search(
        self, query: Float[Tensor, " d"], k: int
    ) -> tuple[Float[Tensor, " found"], Int[Tensor, " found"]]:
        """Find the k most similar vectors among the candidates.

        Args:
            query: A vector of shape (d,).
            k: How many to find, at least 1.

        Returns:
            The similarities, largest first, and the row numbers; fewer than k if there are fewer candidates.

        Raises:
            ValueError: If k is below 1.
        """
        if k < 1:
            raise ValueError(f"k is at least 1, not {k}")
        rows = torch.tensor(self.candidates(query), dtype=torch.int64)
        similarities = cosine_similarity(query[None], self.vectors[rows])[0]
        order = similarities.sort(descending=True, stable=True).indices[:k]
        return similarities[order], rows[order]


def crowd(vectors: Float[Tensor, "n d"], steps: float = 1000.0) -> Float[Tensor, "n d"]:
    """Move all vectors far away together: distances stay, and all directions become nearly the same.

    What breaks an index of random hyperplanes: nearly all vectors share each bucket.

    Args:
        vectors: Rows of shape (n, d), not all zero.
        steps: How far to go, in multiples of the largest entry.

    Returns:
        The moved vectors.

    >>> crowd(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    tensor([[1001., 1000.],
            [1000.,  999.]])
    """
    return vectors + steps * vectors.abs().max()


def embed_sentence(
    sentence: str,
    rows: Mapping[str, int],
    vectors: Float[Tensor, "n d"],
    frequencies: Float[Tensor, " n"],
    smoothing: float = 1e-3,
) -> Float[Tensor, " d"]:
    """Average the vectors of a sentence's words, frequent words counting less.

    A word with frequency p gets weight a / (a + p), where a is the smoothing: nearly one for rare words, and
    small for words such as "the". The order of the words is lost.

    Args:
        sentence: Any text.
        rows: The row of each word in ``vectors``.
        vectors: Word vectors, of shape (n, d).
        frequencies: The share of all words of a text that each word makes up, of shape (n,).
        smoothing: The frequency at which a word counts half; larger values treat the words more alike.

    Returns:
        The weighted sum divided by the number of known words; zeros if no word is known.

    Source:
        Arora, Liang and Ma (2017), "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", algorithm 1
        without its last step, which subtracts a direction that all sentences share.

    >>> rows = {"the": 0, "moon": 1}
    >>> vectors = torch.tensor([[0.0, 2.0], [4.0, 0.0]])
    >>> embed_sentence("The moon!", rows, vectors, torch.tensor([0.003, 0.0]))  # weights 1/4 and 1, two words
    tensor([2.0000, 0.2500])
    """
    known = [rows[word] for word in words_of(sentence) if word in rows]
    weights = smoothing / (smoothing + frequencies[known])
    return weights @ vectors[known] / max(len(known), 1)
