"""What is graded in the exercise "Embeddings and similarity search": cases, known mistakes, variants."""

import torch
from torch.nn import functional

from course_utils.basics import embeddings as reference
from course_utils.checking import Draw, Script, function, stateful

# ------------------------------------------------------------------------------------------------------------
cosine = function(reference.cosine_similarity, points=4)
cosine.hint(
    idea="Make every row one long, and let one matrix product compare all queries with all vectors. Ask "
    "before you divide what becomes of a row of zeros.",
)
cosine.forbid(
    "torch.nn.functional.cosine_similarity",
    "torch.cosine_similarity",
    "torch.nn.CosineSimilarity",
    "sklearn.metrics.pairwise.cosine_similarity",
    "scipy.spatial.distance",
)


def pairs(draw: Draw, queries: int, rows: int, d: int, scale: float = 1.0, dtype=torch.float32):
    """Draw queries and vectors whose lengths differ widely and whose entries do not average to zero."""
    lengths = draw.uniform(rows, 1, low=0.2, high=5.0, dtype=dtype)
    return {
        "queries": draw.normal(queries, d, mean=0.7 * scale, scale=scale, dtype=dtype),
        "vectors": scale * lengths * draw.normal(rows, d, mean=0.4, dtype=dtype),
    }


cosine.case("three queries, five vectors")(lambda draw: pairs(draw, 3, 5, 7))
cosine.case("as many queries as vectors")(lambda draw: pairs(draw, 4, 4, 6))
cosine.case("double precision", hidden=True, rtol=1e-8, atol=1e-10)(
    lambda draw: pairs(draw, 2, 6, 11, dtype=torch.float64)
)
cosine.case("entries of about 1e-10")(lambda draw: pairs(draw, 2, 5, 3, scale=1e-10))
cosine.case("entries of about 1e12", hidden=True)(lambda draw: pairs(draw, 5, 3, 4, scale=1e12))
cosine.case("other numbers of entries are refused", raises=ValueError, weight=0.5)(
    lambda draw: {"queries": draw.normal(3, 5), "vectors": draw.normal(4, 6)}
)


@cosine.case("a vector of zeros, as a query and in the collection")
def _(draw):
    inputs = pairs(draw, 3, 7, 5)
    inputs["queries"][draw.integer(0, 3)] = 0.0
    inputs["vectors"][draw.integer(0, 7)] = 0.0
    return inputs


def refuse_other_sizes(queries, vectors):
    """Raise as the reference does, so that a wrong answer differs from it in its own way only."""
    if queries.shape[-1] != vectors.shape[-1]:
        raise ValueError("different numbers of entries")


PRODUCT = "unit_vectors(queries) @ unit_vectors(vectors).T"
cosine.mistake(
    "The vectors of the collection are not divided by their lengths: long ones win whatever they point at.",
    edit=("unit_vectors(vectors).T", "vectors.T"),
)
cosine.mistake("The queries are not divided by their lengths.", edit=("unit_vectors(queries) @", "queries @"))
cosine.mistake(
    "This is the plain dot product: divide by both lengths.",
    edit=(PRODUCT, "queries @ vectors.T"),
)
cosine.mistake(
    "Divided by the squared length: the length is the square root of the sum of squares.",
    edit=("torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)", "(vectors**2).sum(-1, keepdim=True)"),
    of=reference.unit_vectors,
)
cosine.mistake(
    "The length is the sum of the absolute values; take the square root of the sum of squares.",
    edit=("dim=-1, keepdim=True)", "ord=1, dim=-1, keepdim=True)"),
    of=reference.unit_vectors,
)
cosine.mistake(
    "A row of zeros gives 0 / 0 = NaN. It has no direction: let its similarities be 0.",
    edit=("torch.where(length > 0, length, 1.0)", "length"),
    of=reference.unit_vectors,
)
cosine.mistake(
    "A small number is added to the length to be safe from zero. Against vectors of 1e-10 it is not small: "
    "treat a length of exactly zero by itself.",
    edit=("torch.where(length > 0, length, 1.0)", "(length + 1e-8)"),
    of=reference.unit_vectors,
)
cosine.mistake(
    "The length runs over the rows (dim=0): each vector has its own length, over its entries (dim=-1).",
    edit=("dim=-1, keepdim=True", "dim=0, keepdim=True"),
    of=reference.unit_vectors,
)
cosine.mistake(
    "Rows and columns are swapped: row i of the result belongs to query i.",
    edit=(
        "unit_vectors(queries) @ unit_vectors(vectors).T",
        "unit_vectors(vectors) @ unit_vectors(queries).T",
    ),
)
cosine.mistake(
    "This is the cosine distance, 1 - similarity.",
    edit=("return unit_vectors(queries) @", "return 1 - unit_vectors(queries) @"),
)
cosine.mistake(
    "Other numbers of entries end in PyTorch's RuntimeError about matrix shapes: test the sizes first and "
    "raise a ValueError that names them.",
    edit=("if queries.shape[-1] != vectors.shape[-1]:", "if False:"),
)
cosine.mistake(
    "The number of queries is compared with the number of vectors. They may differ: compare the entries (the "
    "last axis).",
    edit=("if queries.shape[-1] != vectors.shape[-1]:", "if len(queries) != len(vectors):"),
)


@cosine.mistake("The mean of each row is subtracted first: that is the correlation, another number.")
def correlation(queries, vectors):
    refuse_other_sizes(queries, vectors)
    center = [rows - rows.mean(-1, keepdim=True) for rows in (queries, vectors)]
    return reference.cosine_similarity(*center)


@cosine.mistake("Row i is compared with row i only; compare every query with every vector.")
def row_by_row(queries, vectors):
    refuse_other_sizes(queries, vectors)
    count = min(len(queries), len(vectors))
    return functional.cosine_similarity(queries[:count], vectors[:count], eps=1e-30)


LAST_AXIS = "both have two axes, so the last one is axis 1"
cosine.equivalent("if queries.shape[1] != vectors.shape[-1]:", LAST_AXIS)
cosine.equivalent("if queries.shape[-1] != vectors.shape[1]:", LAST_AXIS)


@cosine.variant
def with_normalize(queries, vectors):
    refuse_other_sizes(queries, vectors)
    return torch.einsum(
        "qd,nd->qn", functional.normalize(queries, dim=-1), functional.normalize(vectors, dim=-1)
    )


@cosine.variant
def divide_at_the_end(queries, vectors):
    refuse_other_sizes(queries, vectors)
    lengths = queries.norm(dim=1)[:, None] * vectors.norm(dim=1)[None, :]
    return torch.nan_to_num((queries @ vectors.T) / lengths)


@cosine.variant
def with_loops(queries, vectors):
    refuse_other_sizes(queries, vectors)
    result = torch.zeros(len(queries), len(vectors), dtype=queries.dtype)
    for i, query in enumerate(queries):
        for j, vector in enumerate(vectors):
            if query.any() and vector.any():
                result[i, j] = (query / query.norm()) @ (vector / vector.norm())
    return result


# ------------------------------------------------------------------------------------------------------------
top_k = function(reference.top_k, points=3)
top_k.hint(
    idea="Sort each row from the largest to the smallest in such a way that equal scores keep the order they "
    "had, and keep the first few with the columns they came from.",
)


def scores(draw: Draw, queries: int, n: int, k: int, dtype=torch.float32):
    """Draw scores that all differ."""
    return {"scores": draw.normal(queries, n, dtype=dtype), "k": k}


top_k.case("the three best of seven")(lambda draw: scores(draw, 4, 7, 3))
top_k.case("all of them")(lambda draw: scores(draw, 3, 5, 5))
top_k.case("only the best", hidden=True)(lambda draw: scores(draw, 6, 9, 1, torch.float64))
top_k.case("many equal scores")(lambda draw: {"scores": draw.integers(0, 4, 5, 60).float(), "k": 11})
top_k.case("negative scores", hidden=True)(
    lambda draw: {"scores": -draw.uniform(3, 8, low=1, high=9), "k": 2}
)


@top_k.case("scores that differ by very little")
def _(draw):
    # Steps of a power of two: the numbers are exact, and so is what is computed of them.
    steps = torch.stack([draw.permutation(11) for _ in range(4)])
    return {"scores": 1 + steps.double() * 2.0**-50, "k": 6}


top_k.case("more than there are is refused", raises=ValueError, weight=0.5)(
    lambda draw: scores(draw, 3, 6, 7)
)
top_k.case("k = 0 is refused", raises=ValueError, weight=0.5)(lambda draw: scores(draw, 2, 6, 0))
top_k.case("a negative k is refused", raises=ValueError, weight=0.5)(lambda draw: scores(draw, 3, 7, -2))
top_k.mistake(
    "The smallest scores come first: sort in descending order.", edit=("descending=True", "descending=False")
)
top_k.mistake(
    "Among equal scores the lower column comes first; this sort leaves their order open, or turns it around.",
    edit=(
        "values, columns = scores.sort(dim=-1, descending=True, stable=True)",
        "values, columns = (x.flip(-1) for x in scores.sort(dim=-1, stable=True))",
    ),
)
top_k.mistake(
    "A little is subtracted from each score, more in each column, so that no two are equal. That reorders "
    "scores which differ by less. Use a sort that keeps the order of equals.",
    edit=(
        "values, columns = scores.sort(dim=-1, descending=True, stable=True)",
        "columns = (scores - 1e-6 * torch.arange(scores.shape[-1])).sort(dim=-1, descending=True).indices\n"
        "    values = scores.gather(1, columns)",
    ),
)
top_k.mistake(
    "The sort runs down the columns (dim=0), across queries. Each query is a row: dim=-1.",
    edit=("scores.sort(dim=-1,", "scores.sort(dim=0,"),
)
top_k.mistake(
    "Columns and scores are swapped: return the scores first, as torch.topk does.",
    edit=("return values[:, :k], columns[:, :k]", "return columns[:, :k], values[:, :k]"),
)
top_k.mistake(
    "One too many: the slice must end at k.",
    edit=("return values[:, :k], columns[:, :k]", "return values[:, : k + 1], columns[:, : k + 1]"),
)
top_k.mistake(
    "The first one is left out. That may be right when a word is compared with itself, and here it is not.",
    edit=("return values[:, :k], columns[:, :k]", "return values[:, 1 : k + 1], columns[:, 1 : k + 1]"),
)
top_k.mistake(
    "The best k are there, but in the order of their columns: put the largest score first.",
    edit=(
        "return values[:, :k], columns[:, :k]",
        "return scores.gather(1, columns[:, :k].sort().values), columns[:, :k].sort().values",
    ),
)
top_k.mistake(
    "A k that is larger than the number of candidates gives a shorter answer in silence: refuse it.",
    edit=("1 <= k <= scores.shape[-1]", "1 <= k"),
)
top_k.mistake(
    "k = 0 gives an empty answer in silence: refuse it.",
    edit=("1 <= k <= scores.shape[-1]", "k <= scores.shape[-1]"),
)
top_k.mistake(
    "k = 0 is refused and k = -2 is not: every k below 1 must be. A slice that ends at -2 leaves out the "
    "last two.",
    edit=("not 1 <= k <= scores.shape[-1]", "k == 0 or k > scores.shape[-1]"),
)
top_k.mistake(
    "Sorted by size without the sign: -0.9 is a low similarity, not a high one.",
    edit=(
        "scores.sort(dim=-1, descending=True, stable=True)",
        "scores.abs().sort(dim=-1, descending=True, stable=True)",
    ),
)


TWO_AXES = "the table has two axes, so the last one, the default, is axis 1"
top_k.equivalent("if not 1 <= k <= scores.shape[1]:", TWO_AXES)
top_k.equivalent("values, columns = scores.sort(descending=True, stable=True)", TWO_AXES)
top_k.equivalent("values, columns = scores.sort(dim=1, descending=True, stable=True)", TWO_AXES)


@top_k.variant
def sort_the_negative(scores, k):
    if k < 1 or k > scores.shape[1]:
        raise ValueError("k is out of range")
    columns = torch.argsort(-scores, dim=1, stable=True)[:, :k]
    return scores.gather(1, columns), columns


@top_k.variant
def with_python(scores, k):
    if k not in range(1, scores.shape[1] + 1):
        raise ValueError("k is out of range")
    columns = [sorted(range(len(row)), key=lambda column: -row[column])[:k] for row in scores.tolist()]
    columns = torch.tensor(columns)
    return [torch.take_along_dim(scores, columns, dim=1), columns]


# ------------------------------------------------------------------------------------------------------------
similar = function(reference.similar_words, points=3)
similar.hint(
    idea="Take the word out of the race before you choose, and remember which row each of the others had.",
)
WORDS = ["moon", "sun", "star", "sea", "ship", "sail", "king", "crown", "sword", "rose", "thorn"]


def word_table(draw: Draw, count: int, k: int, d: int = 5, dtype=torch.float32):
    """Draw vectors of very different lengths for some of the words, and one of the words."""
    words = [WORDS[i] for i in draw.permutation(len(WORDS))[:count].tolist()]
    lengths = draw.uniform(count, 1, low=0.1, high=8.0, dtype=dtype)
    vectors = lengths * functional.normalize(draw.normal(count, d, dtype=dtype), dim=1)
    return {"word": words[draw.integer(1, count)], "words": words, "vectors": vectors, "k": k}


similar.case("three words out of nine")(lambda draw: word_table(draw, 9, 3))
similar.case("all other words")(lambda draw: word_table(draw, 7, 6, dtype=torch.float64))
similar.case("the first word of the list", hidden=True)(
    lambda draw: (inputs := word_table(draw, 8, 4)) | {"word": inputs["words"][0]}
)
similar.case("an unknown word is refused", raises=ValueError, weight=0.5)(
    lambda draw: word_table(draw, 6, 2) | {"word": "telephone"}
)
similar.case("more words than there are others", raises=ValueError, weight=0.5)(
    lambda draw: word_table(draw, 6, 6)
)

similar.case("k = 0 is refused", raises=ValueError, weight=0.5)(lambda draw: word_table(draw, 8, 0))


@similar.case("all other words, and one of them points the opposite way")
def _(draw):
    # Powers of two along one axis: the cosine is exactly -1, however it is computed.
    inputs = word_table(draw, 8, 7)
    inputs["word"] = inputs["words"][0]
    inputs["vectors"][[0, draw.integer(1, 8)]] = torch.tensor([[4.0], [-2.0]]) * torch.eye(5)[0]
    return inputs


@similar.case("an earlier word points the same way")
def _(draw):
    inputs = word_table(draw, 10, 3)
    row = inputs["words"].index(inputs["word"])
    inputs["vectors"][draw.integer(0, row)] = 2 * inputs["vectors"][row]
    return inputs


@similar.case("an earlier word has the same vector")
def _(draw):
    inputs = word_table(draw, 8, 3)
    row = inputs["words"].index(inputs["word"])
    inputs["vectors"][draw.integer(0, row)] = inputs["vectors"][row]
    return inputs


@similar.case("a word whose vector is zero")
def _(draw):
    inputs = word_table(draw, 9, 4)
    inputs["vectors"][inputs["words"].index(inputs["word"])] = 0.0
    return inputs


similar.mistake(
    "The word itself is in its own list: it is always most similar to itself. Leave it out.",
    edit=("if other != word]", "]"),
)
similar.mistake(
    "Every word that has the same vector is left out. Leave out the word itself and no other: tell it by its "
    "row.",
    edit=("if other != word]", "if not torch.equal(vectors[row], vectors[words.index(word)])]"),
)
similar.mistake(
    "Rows of the shortened table are taken for rows of the whole one: after a word is left out, those behind "
    "it have moved up by one.",
    edit=("words[others[column]]", "words[column]"),
)
similar.mistake(
    "Similarity is measured by the dot product, so long vectors win: use the cosine.",
    edit=("cosine_similarity(query, vectors[others])", "query @ vectors[others].T"),
)
similar.mistake(
    "Ranked by distance, near to far: two words may point the same way and lie far apart. Use the cosine.",
    edit=("cosine_similarity(query, vectors[others])", "-torch.cdist(query, vectors[others])"),
)
similar.mistake(
    "These are the least similar words.",
    edit=("cosine_similarity(query, vectors[others])", "-cosine_similarity(query, vectors[others])"),
)
similar.mistake(
    "Row numbers are returned instead of words.", edit=("[words[others[column]] for", "[others[column] for")
)


@similar.mistake(
    "The first of k + 1 results is dropped, as if it had to be the word itself. Another word may be just as "
    "similar and come first: leave out the word by its row."
)
def drop_the_first(word, words, vectors, k):
    if word not in words or k > len(words) - 1:
        raise ValueError("unknown word or k out of range")
    similarity = reference.cosine_similarity(vectors[[words.index(word)]], vectors)
    # The same numbers for the same direction, however a matrix product rounds.
    _, rows = reference.top_k(similarity.round(decimals=5), k + 1)
    return [words[row] for row in rows[0, 1:].tolist()]


@similar.mistake("An unknown word gets an empty list in silence: refuse it with a ValueError.")
def unknown_is_empty(word, words, vectors, k):
    return reference.similar_words(word, words, vectors, k) if word in words else []


@similar.mistake("k = 0 gives an empty list in silence: refuse it with a ValueError.")
def no_words(word, words, vectors, k):
    return reference.similar_words(word, words, vectors, k) if k else []


@similar.mistake(
    "The word is pushed to the end by a similarity of -1. A word that points the opposite way has -1 as "
    "well: use minus infinity, or leave out the row."
)
def minus_one(word, words, vectors, k):
    if word not in words or not 1 <= k < len(words):
        raise ValueError("unknown word or k out of range")
    row = words.index(word)
    similarity = reference.cosine_similarity(vectors[[row]], vectors)
    similarity[0, row] = -1.0
    return [words[column] for column in reference.top_k(similarity, k)[1][0].tolist()]


@similar.mistake("A k that is too large gives fewer words in silence: refuse it with a ValueError.")
def fewer_words(word, words, vectors, k):
    return reference.similar_words(word, words, vectors, min(k, len(words) - 1))


UNKNOWN = "`words.index` raises a ValueError for an unknown word as well, with a message that helps less"
similar.equivalent("if False:", UNKNOWN)
similar.equivalent("if word not in word:", UNKNOWN)
similar.equivalent(
    "return [words[others[column]] for column in columns[0]]",
    "a tensor of one whole number is an index too",
)
similar.equivalent(
    "return [words[others[column]] for column in columns[-1].tolist()]",
    "there is one query, so the last row is the first",
)


@similar.variant
def minus_infinity(word, words, vectors, k):
    if word not in words or not 1 <= k < len(words):
        raise ValueError("unknown word or k out of range")
    row = list(words).index(word)
    similarity = reference.cosine_similarity(vectors[row : row + 1], vectors)
    similarity[0, row] = -torch.inf
    return [words[int(i)] for i in similarity.argsort(descending=True, stable=True)[0, :k]]


@similar.variant
def sort_pairs(word, words, vectors, k):
    row = {name: number for number, name in enumerate(words)}.get(word)
    if row is None or k < 1 or k >= len(words):
        raise ValueError("unknown word or k out of range")
    similarity = reference.cosine_similarity(vectors[row][None], vectors)[0].tolist()
    ranked = sorted(zip(similarity, words, strict=True), key=lambda pair: pair[0], reverse=True)
    return tuple([name for _, name in ranked if name != word][:k])


# ------------------------------------------------------------------------------------------------------------
recall = function(reference.recall_at_k, points=3)
recall.hint(
    idea="For each query, cut both lists after k entries and count what they have in common. What could have "
    "been found at best is k.",
)


def results(draw: Draw, queries: int, k: int, *, length=None, rows: int = 30, at_most: int | None = None):
    """Draw true neighbors, and results that share some of them in another order, without repeats."""
    length = length or k
    found, nearest = [], []
    for _ in range(queries):
        true = draw.permutation(rows).tolist()[:length]
        kept = true[: 1 + draw.integer(0, length)]
        wrong = [row for row in draw.permutation(rows).tolist() if row not in true]
        mixed = (kept + wrong)[:length]
        mixed = [mixed[i] for i in draw.permutation(length).tolist()]
        found.append(mixed[: draw.integer(0, at_most + 1)] if at_most is not None else mixed)
        nearest.append(true)
    return {"found": found, "nearest": nearest, "k": k}


recall.case("four queries, five neighbors")(lambda draw: results(draw, 4, 5))
recall.case("lists longer than k")(lambda draw: results(draw, 5, 3, length=8, rows=17))
recall.case("a search that finds fewer than k, sometimes nothing")(
    lambda draw: (
        (inputs := results(draw, 6, 7, at_most=6))
        | {"found": [*inputs["found"][:-1], []], "nearest": inputs["nearest"]}
    )
)
recall.case("only the nearest counts", hidden=True)(lambda draw: results(draw, 9, 1, length=4, rows=9))
recall.case("all neighbors, in another order", hidden=True)(
    lambda draw: (
        (inputs := results(draw, 3, 6))
        | {"found": [[row[i] for i in draw.permutation(6).tolist()] for row in inputs["nearest"]]}
    )
)
recall.case("results for another number of queries", raises=ValueError, weight=0.5)(
    lambda draw: (inputs := results(draw, 4, 3)) | {"found": inputs["found"][:-1]}
)
recall.case("fewer than k true neighbors", raises=ValueError, weight=0.5)(
    lambda draw: results(draw, 4, 5, length=4)
)
recall.case("more results than queries", raises=ValueError, weight=0.5)(
    lambda draw: (inputs := results(draw, 5, 3)) | {"nearest": inputs["nearest"][:-1]}
)
recall.case("no query at all", raises=ValueError, weight=0.5)(
    lambda _draw: {"found": [], "nearest": [], "k": 2}
)
recall.case("k = 0", raises=ValueError, weight=0.5)(lambda draw: results(draw, 3, 0, length=4))
recall.case("a negative k", raises=ValueError, weight=0.5)(
    lambda draw: results(draw, 3, 4) | {"k": -draw.integer(1, 4)}
)


@recall.case("fewer than k true neighbors for one query", raises=ValueError, weight=0.5)
def _(draw):
    inputs = results(draw, 5, 4)
    inputs["nearest"][draw.integer(1, 4)].pop()  # neither the first nor the last
    return inputs


@recall.case("a row that is returned twice")
def _(draw):
    inputs = results(draw, 3, 4)
    hit = inputs["nearest"][1]
    inputs["found"][1] = [hit[0], hit[2], hit[0], hit[2], hit[1]]
    return inputs


SHARE = "len(set(ours[:k]) & set(true[:k])) / k"
recall.mistake(
    "Divided by how many were found: that is the precision. A search that finds one neighbor of ten has a "
    "recall of 0.1, even if that one is right.",
    edit=(SHARE, "len(set(ours[:k]) & set(true[:k])) / max(len(set(ours[:k])), 1)"),
)
recall.mistake(
    "Entries are compared place by place. A neighbor that was found counts, at whatever place it stands.",
    edit=(SHARE, "sum(a == b for a, b in zip(ours[:k], true[:k])) / k"),
)
recall.mistake(
    "One hit is enough here. The recall asks how many of the k neighbors were found.",
    edit=(SHARE, "float(bool(set(ours[:k]) & set(true[:k])))"),
)
recall.mistake("Results beyond the first k are counted.", edit=(SHARE, "len(set(ours) & set(true[:k])) / k"))
recall.mistake(
    "True neighbors beyond the k nearest are counted.", edit=(SHARE, "len(set(ours[:k]) & set(true)) / k")
)
recall.mistake(
    "A row that is returned twice is counted twice: count each neighbor once.",
    edit=(SHARE, "sum(row in true[:k] for row in ours[:k]) / k"),
)
recall.mistake(
    "Repeated rows are removed before the list is cut after k entries. A row that is returned twice takes "
    "two of the k places: cut first.",
    edit=(SHARE, "len(set(list(dict.fromkeys(ours))[:k]) & set(true[:k])) / k"),
)
recall.mistake(
    "Everything common to both lists is divided by the length of the whole list of neighbors, not by k.",
    edit=(SHARE, "len(set(ours[:k]) & set(true[:k])) / len(true)"),
)
recall.mistake(
    "The shares are added up; divide by the number of queries.",
    edit=("sum(shares) / len(shares)", "sum(shares)"),
)
recall.mistake(
    "Queries without a result are left out of the average. They are the failures: they count as 0.",
    edit=("zip(found, nearest, strict=True)]", "zip(found, nearest, strict=True) if ours]"),
)
recall.mistake(
    "Two lists of different lengths are cut to the shorter one in silence: refuse them.",
    edits=[
        ("len(found) != len(nearest) or not found", "not found"),
        ("zip(found, nearest, strict=True)", "zip(found, nearest)"),
    ],
)
recall.mistake(
    "With fewer than k true neighbors nobody can reach a recall of 1: refuse them.",
    edit=("k < 1 or min(len(rows) for rows in nearest) < k", "k < 1"),
)
recall.mistake(
    "Only one list of true neighbors is measured: each of them must have k rows.",
    edit=("min(len(rows) for rows in nearest)", "len(nearest[0])"),
)
recall.mistake(
    "More results than queries are cut to as many in silence: refuse every difference.",
    edits=[
        ("len(found) != len(nearest) or not found", "len(found) < len(nearest) or not found"),
        ("zip(found, nearest, strict=True)", "zip(found, nearest)"),
        ("/ len(shares)", "/ len(found)"),
    ],
)
recall.mistake(
    "k = 0 is refused and a negative k is not: every k below 1 must be.",
    edit=("k < 1 or", "k == 0 or"),
)


TWICE = "queries without a partner are refused twice: by this test, and by zip with strict=True"
COUNTED = "shares = [len(set(ours[:k]) & set(true[:k])) / k for ours, true in zip(found, nearest"
for mutant in (
    "if len(found) != len(nearest) and (not found):",
    "if len(nearest) != len(nearest) or not found:",
    "if len(found) != len(found) or not found:",
    f"{COUNTED})]",
    f"{COUNTED}, strict=False)]",
):
    recall.equivalent(mutant, TWICE)
recall.equivalent(
    "if False:", "zip refuses other numbers of queries, and min() refuses to take no query at all"
)
recall.equivalent("if len(found) != len(nearest) or not nearest:", "there are as many of both")
recall.equivalent(
    "if len(found) != len(nearest) or not k:", "min() raises the same ValueError where no query is"
)


@recall.variant
def neighbor_by_neighbor(found, nearest, k):
    if len(found) != len(nearest) or len(found) == 0 or k < 1 or any(len(rows) < k for rows in nearest):
        raise ValueError("nothing to compare")
    hits = 0
    for ours, true in zip(found, nearest, strict=True):
        for row in true[:k]:
            hits += row in ours[:k]
    return hits / (k * len(nearest))


@recall.variant
def with_tensors(found, nearest, k):
    if len(found) != len(nearest) or len(found) == 0 or k < 1 or any(len(rows) < k for rows in nearest):
        raise ValueError("nothing to compare")
    return torch.stack(
        [
            torch.isin(torch.tensor(true[:k]), torch.tensor(ours[:k], dtype=torch.int64)).double().mean()
            for ours, true in zip(found, nearest, strict=True)
        ]
    ).mean()


# ------------------------------------------------------------------------------------------------------------
hashing = function(reference.hash_buckets, points=4)
hashing.hint(
    idea="A dot product tells on which side of a hyperplane a vector lies. Turn each answer into a 0 or 1, "
    "and read the zeros and ones of one table as the digits of a number in base two.",
)


def to_hash(draw: Draw, rows: int, tables: int, bits: int, d: int, dtype=torch.float32):
    """Draw vectors and hyperplanes."""
    return {
        "vectors": draw.normal(rows, d, dtype=dtype),
        "hyperplanes": draw.normal(tables, bits, d, dtype=dtype),
    }


hashing.case("one table of three bits")(lambda draw: to_hash(draw, 6, 1, 3, 5))
hashing.case("four tables of five bits")(lambda draw: to_hash(draw, 7, 4, 5, 3))
hashing.case("as many tables as vectors", hidden=True)(lambda draw: to_hash(draw, 6, 6, 4, 5, torch.float64))
hashing.case("forty bits", hidden=True)(lambda draw: to_hash(draw, 5, 2, 40, 11))
hashing.case("other numbers of entries are refused", raises=ValueError, weight=0.5)(
    lambda draw: {"vectors": draw.normal(4, 5), "hyperplanes": draw.normal(2, 3, 6)}
)
hashing.case("63 bits are refused", raises=ValueError, weight=0.5)(lambda draw: to_hash(draw, 3, 2, 63, 4))
hashing.case("62 bits", hidden=True)(lambda draw: to_hash(draw, 3, 2, 62, 4))


@hashing.case("entries of about 1e-10")
def _(draw):
    inputs = to_hash(draw, 9, 3, 6, 4, torch.float64)
    return {**inputs, "vectors": 1e-10 * inputs["vectors"]}


@hashing.case("vectors on a hyperplane, one of them zero")
def _(draw):
    # Whole numbers: their dot products are exact, so that zero is zero however it is summed up.
    planes = draw.integers(-3, 4, 3, 4, 5).double()
    vectors = draw.integers(-3, 4, 8, 5).double()
    vectors[draw.integer(0, 8)] = 0.0
    planes[draw.integer(0, 3), draw.integer(0, 4)] = 0.0
    return {"vectors": vectors, "hyperplanes": planes}


hashing.mistake(
    "Hyperplane 0 became the highest bit. It is the lowest one: hyperplane j adds 2^j.",
    edit=("torch.arange(bits)", "torch.arange(bits).flip(0)"),
)
hashing.mistake("A dot product of exactly zero counts as the positive side: use >= 0.", edit=(">= 0", "> 0"))
hashing.mistake(
    "A dot product a little below zero counts as the positive side, and those of short vectors are all near "
    "zero. Compare with exactly zero.",
    edit=(">= 0", ">= -1e-6"),
)
hashing.mistake(
    "The sides are swapped: the bit is 1 where the dot product is positive.", edit=(">= 0", "< 0")
)
hashing.mistake(
    "The bits are counted, not read as a number: each hyperplane needs its own power of two.",
    edit=("sides * 2 ** torch.arange(bits)", "sides * 1"),
)
hashing.mistake(
    "The powers start at 2^1: hyperplane 0 adds 2^0 = 1.",
    edit=("torch.arange(bits)", "(torch.arange(bits) + 1)"),
)
hashing.mistake(
    "The sides are -1 and 1 instead of 0 and 1, which gives negative numbers.",
    edit=("(sides * 2 **", "((2 * sides.long() - 1) * 2 **"),
)
hashing.mistake(
    "The result has a row for each vector; it should have a row for each table.",
    edit=("tnb", "ntb"),
)
hashing.mistake(
    "The powers of two are 32-bit floats, exact up to 2^24 only, and the result is not a whole number: use "
    "whole numbers throughout.",
    edit=("2 ** torch.arange(bits)", "2.0 ** torch.arange(bits)"),
)
hashing.mistake(
    "j is added instead of 2^j: different sides then give the same number.",
    edit=("2 ** torch.arange(bits)", "torch.arange(bits)"),
)
hashing.mistake(
    "Another number of entries ends in PyTorch's RuntimeError: test the sizes first and raise a ValueError "
    "that names them.",
    edit=("if vectors.shape[-1] != d:", "if False:"),
)
hashing.mistake(
    "63 bits or more overflow a 64-bit whole number in silence: refuse them.",
    edit=("if bits > 62:", "if False:"),
)


@hashing.mistake(
    "All tables are hashed as one: each table has a bucket number of its own, made of its own hyperplanes."
)
def one_table(vectors, hyperplanes):
    tables, bits, d = hyperplanes.shape
    if vectors.shape[-1] != d or bits > 62:
        raise ValueError("other sizes")
    first = reference.hash_buckets(vectors, hyperplanes[:1])
    return first.expand(tables, -1).clone()


hashing.equivalent("if vectors.shape[1] != d:", "the vectors have two axes, so the last one is axis 1")
for mutant in (
    "if False:",
    "if vectors.dtype != vectors.dtype:",
    "if hyperplanes.dtype != hyperplanes.dtype:",
):
    hashing.equivalent(mutant, "of two dtypes PyTorch complains as well, with a message that helps less")


@hashing.variant
def table_by_table(vectors, hyperplanes):
    if vectors.shape[1] != hyperplanes.shape[2] or hyperplanes.shape[1] > 62:
        raise ValueError("other sizes")
    numbers = []
    for planes in hyperplanes:
        number = torch.zeros(len(vectors), dtype=torch.int64)
        for j, plane in enumerate(planes):
            number += torch.where(vectors @ plane >= 0, 2**j, 0)
        numbers.append(number)
    return torch.stack(numbers)


@hashing.variant
def horner(vectors, hyperplanes):
    if vectors.shape[1] != hyperplanes.shape[2] or hyperplanes.shape[1] > 62:
        raise ValueError("other sizes")
    sides = (hyperplanes @ vectors.T >= 0).long()
    number = torch.zeros_like(sides[:, 0])
    for j in reversed(range(sides.shape[1])):
        number = 2 * number + sides[:, j]
    return number


# ------------------------------------------------------------------------------------------------------------
index = stateful(reference.RandomProjectionIndex, points=4)
index.hint(
    idea="For each table keep which rows lie in which bucket. A query is hashed in the same way; gather the "
    "rows of its bucket in every table, each row once, and only these are compared exactly.",
)


def stored(draw: Draw, rows: int, tables: int, bits: int, d: int, dtype=torch.float32):
    """Draw a collection in which lengths differ, hyperplanes, and a query near one of the rows."""
    vectors = draw.uniform(rows, 1, low=0.2, high=4.0, dtype=dtype) * draw.normal(rows, d, dtype=dtype)
    query = vectors[draw.integer(0, rows)] + 0.3 * draw.normal(d, dtype=dtype)
    return vectors, draw.normal(tables, bits, d, dtype=dtype), query


@index.case("one table of two bits")
def _(draw):
    vectors, planes, query = stored(draw, 23, 1, 2, 4)
    return Script.build(vectors, planes).call("candidates", query).call("search", query, 3)


@index.case("five tables of four bits")
def _(draw):
    vectors, planes, query = stored(draw, 60, 5, 4, 6)
    return Script.build(vectors, planes).call("candidates", query).call("search", query, 7)


@index.case("another query afterwards", hidden=True)
def _(draw):
    vectors, planes, query = stored(draw, 41, 3, 3, 5, torch.float64)
    script = Script.build(vectors, planes).call("search", query, 2)
    return script.call("candidates", -query).call("search", -query, 4).call("candidates", query)


@index.case("two thousand vectors")
def _(draw):
    # Row numbers far beyond the size of a set of the candidates, whose order then shows: it has none.
    vectors, planes, query = stored(draw, 2000, 3, 7, 6)
    return Script.build(vectors, planes).call("candidates", query).call("search", query, 5)


@index.case("the query is a row of the collection")
def _(draw):
    vectors, planes, _ = stored(draw, 29, 3, 4, 5)
    query = vectors[draw.integer(0, 29)].clone()
    return Script.build(vectors, planes).call("candidates", query).call("search", query, 4)


@index.case("two collections beside each other")
def _(draw):
    vectors, planes, query = stored(draw, 33, 3, 2, 5)
    script = Script.build(vectors, planes).another(vectors.flip(0), planes.flip(0)).first()
    return script.call("candidates", query).call("search", query, 4)


@index.case("fewer candidates than k")
def _(draw):
    vectors, planes, query = stored(draw, 31, 2, 5, 7)
    return Script.build(vectors, planes).call("search", query, 30)


@index.case("an empty bucket in every table")
def _(draw):
    # All vectors on one side of all hyperplanes, and the query on the other.
    vectors = draw.uniform(9, 3, low=0.5, high=2.0)
    planes = draw.uniform(2, 4, 3, low=0.5, high=2.0)
    return Script.build(vectors, planes).call("candidates", -vectors[0]).call("search", -vectors[0], 3)


@index.case("equal similarities")
def _(draw):
    vectors = torch.eye(4, dtype=torch.float64)[draw.integers(0, 4, 26)] * 2.0
    query = torch.ones(4, dtype=torch.float64)
    return Script.build(vectors, draw.normal(6, 2, 4, dtype=torch.float64)).call("search", query, 9)


@index.case("only the most similar one", hidden=True)
def _(draw):
    vectors, planes, query = stored(draw, 37, 4, 3, 5)
    return Script.build(vectors, planes).call("search", query, 1)


@index.case("k = 0 is refused", raises=ValueError, weight=0.5)
def _(draw):
    vectors, planes, query = stored(draw, 12, 2, 3, 4)
    return Script.build(vectors, planes).call("search", query, 0)


@index.case("a negative k is refused", raises=ValueError, weight=0.5)
def _(draw):
    vectors, planes, query = stored(draw, 13, 2, 3, 4)
    return Script.build(vectors, planes).call("search", query, -1)


index.mistake(
    "Only rows that share a bucket with the query in every table are kept. One table is enough: more tables "
    "are there to give a neighbor more chances.",
    edits=[
        ("rows: set[int] = set()", "rows = set(range(len(self.vectors)))"),
        ("rows.update(table.get(bucket, []))", "rows &= set(table.get(bucket, []))"),
    ],
)
index.mistake(
    "The tables belong to all indexes: they are kept in the class or in a global variable. Keep them in "
    "`self`.",
    edits=[
        ("self.tables: list[dict[int, list[int]]] = []", "type(self).tables = []"),
        ("self.tables.append(table)", "type(self).tables.append(table)"),
    ],
)
index.mistake(
    "Only the first table is asked.",
    edit=("zip(self.tables, buckets, strict=True)", "zip(self.tables[:1], buckets)"),
)
index.mistake(
    "All tables share one dictionary: bucket 3 of one table has nothing to do with bucket 3 of another.",
    edits=[
        ("            table: dict[int, list[int]] = {}\n", ""),
        ("self.tables: list[dict[int, list[int]]] = []", "self.tables = []; table = {}"),
    ],
)
index.mistake(
    "A row is listed once for each table in which it was met: list it once.",
    edits=[
        ("rows: set[int] = set()", "rows: list[int] = []"),
        ("rows.update(", "rows.extend("),
    ],
)
index.mistake(
    "A row that equals the query is not among the candidates. It shares every bucket with the query.",
    edit=(
        "return sorted(rows)",
        "return sorted(row for row in rows if not torch.equal(self.vectors[row], query))",
    ),
)
index.mistake(
    "The search leaves out a row that points the way the query does, as if it had found itself. It is a "
    "candidate like any other, and the most similar one.",
    edit=(
        "similarities.sort(descending=True, stable=True).indices[:k]",
        "torch.tensor([i for i in similarities.sort(descending=True, stable=True).indices.tolist() "
        "if similarities[i] < 0.999999][:k], dtype=torch.int64)",
    ),
)
index.mistake(
    "A bucket holds only the row that was put in last: the others were overwritten.",
    edit=("table.setdefault(bucket, []).append(row)", "table[bucket] = [row]"),
)
index.mistake(
    "A bucket that is empty raises a KeyError: a query may fall where no vector lies.",
    edit=("table.get(bucket, [])", "table[bucket]"),
)
index.mistake(
    "Places among the candidates are returned instead of row numbers of the collection.",
    edit=("return similarities[order], rows[order]", "return similarities[order], order"),
)
index.mistake(
    "Candidates are ranked by the dot product, so long vectors win: use the cosine.",
    edit=("cosine_similarity(query[None], self.vectors[rows])[0]", "self.vectors[rows] @ query"),
)
index.mistake(
    "The first k candidates are returned as they come: compare them with the query and put the best first.",
    edit=("similarities.sort(descending=True, stable=True).indices[:k]", "torch.arange(len(rows))[:k]"),
)
index.mistake(
    "The least similar candidates come first.",
    edit=("similarities.sort(descending=True, stable=True)", "similarities.sort(stable=True)"),
)
index.mistake(
    "The whole collection is searched: that is exact, and the work that the index was made to save.",
    edit=("torch.tensor(self.candidates(query), dtype=torch.int64)", "torch.arange(len(self.vectors))"),
)
index.mistake(
    "k = 0 gives an empty answer in silence: refuse it with a ValueError.", edit=("if k < 1:", "if False:")
)
index.mistake(
    "k = 0 is refused and k = -1 is not: every k below 1 must be.", edit=("if k < 1:", "if k == 0:")
)
index.mistake(
    "The candidates are in the order of a set, which is none: sort them.",
    edit=("return sorted(rows)", "return list(rows)"),
)
index.mistake(
    "Among equal similarities the lower row comes first; here it comes last.",
    edit=(
        "similarities.sort(descending=True, stable=True).indices[:k]",
        "(len(rows) - 1 - similarities.flip(0).sort(descending=True, stable=True).indices)[:k]",
    ),
)


AS_MANY = "there is one bucket number for each table"
LOOP = "for table, bucket in zip(self.tables, buckets"
index.equivalent(f"{LOOP}):", AS_MANY)
index.equivalent(f"{LOOP}, strict=False):", AS_MANY)
index.equivalent(
    "buckets = hash_buckets(query[None], self.hyperplanes)[:, -1].tolist()",
    "there is one query, so the last column is the first",
)
index.equivalent(
    "similarities = cosine_similarity(query[None], self.vectors[rows])[-1]",
    "there is one query, so the last row is the first",
)


@index.variant
class CompareBuckets:
    """Keeps the bucket numbers and compares them when a query comes."""

    def __init__(self, vectors, hyperplanes):
        self.vectors, self.planes = vectors, hyperplanes
        self.buckets = reference.hash_buckets(vectors, hyperplanes)

    def candidates(self, query):
        own = reference.hash_buckets(query[None], self.planes)
        return (self.buckets == own).any(dim=0).nonzero()[:, 0].tolist()

    def search(self, query, k):
        if k < 1:
            raise ValueError("k is at least 1")
        rows = torch.tensor(self.candidates(query), dtype=torch.int64)
        if len(rows) == 0:
            return torch.zeros(0, dtype=self.vectors.dtype), rows
        scores, places = reference.top_k(
            reference.cosine_similarity(query[None], self.vectors[rows]), min(k, len(rows))
        )
        return scores[0], rows[places[0]]


@index.variant
class DictionaryOfPairs:
    """One dictionary whose keys are pairs of table and bucket."""

    def __init__(self, vectors, hyperplanes):
        self.vectors = vectors
        self.planes = hyperplanes
        self.rows = {}
        for number, buckets in enumerate(reference.hash_buckets(vectors, hyperplanes).tolist()):
            for row, bucket in enumerate(buckets):
                self.rows[number, bucket] = [*self.rows.get((number, bucket), []), row]

    def candidates(self, query):
        own = reference.hash_buckets(query[None], self.planes)[:, 0].tolist()
        return sorted({row for pair in enumerate(own) for row in self.rows.get(pair, [])})

    def search(self, query, k):
        if k <= 0:
            raise ValueError("k is at least 1")
        rows = self.candidates(query)
        similarity = reference.cosine_similarity(query.reshape(1, -1), self.vectors[rows]).squeeze(0)
        order = torch.argsort(similarity, descending=True, stable=True)[:k]
        return [similarity[order], torch.tensor(rows, dtype=torch.int64)[order]]


# ------------------------------------------------------------------------------------------------------------
crowd = function(reference.crowd, points=3)
crowd.hint(
    idea="A hyperplane through the origin sees only directions. What can you do to all vectors at once that "
    "leaves the distances between them as they are, and makes all of them point nearly the same way?",
)


def crowded(draw: Draw, rows: int, d: int, bits: int, scale: float = 1.0, offset: float = 0.0, zero=None):
    """Draw a collection, and what must hold of the one that is made of it: `zero` is a row or "mean"."""
    vectors = draw.normal(rows, d, mean=offset, scale=scale, dtype=torch.float64)
    if zero == "mean":
        vectors -= vectors.mean(0)
    elif zero is not None:
        vectors[zero] = 0.0
    planes = draw.normal(40, bits, d, dtype=torch.float64)

    def holds(result):
        if not isinstance(result, torch.Tensor) or result.shape != vectors.shape:
            return "the result is a tensor of the same shape as the vectors"
        if not result.isfinite().all():
            return "some entries are not finite numbers"
        result = result.double()
        before, after = (
            torch.cdist(vectors, vectors),
            torch.cdist(result, result, compute_mode="donot_use_mm_for_euclid_dist"),
        )
        if not torch.allclose(after, before, rtol=1e-2, atol=1e-2 * scale):
            if after.max() < 1e-3 * scale:
                return "all vectors are the same now, so that nothing tells them apart"
            stretched = before * (after.max() / before.max())
            if torch.allclose(after, stretched, rtol=1e-2, atol=1e-2 * float(after.max())):
                return "all distances were multiplied by one number"
            return "the distances between the vectors have changed"
        # Written out: a property may not use the course's own answers, which a class edition does not hold.
        sides = (torch.einsum("nd,tbd->tnb", result, planes) >= 0).long()
        buckets = (sides * 2 ** torch.arange(sides.shape[-1])).sum(dim=-1)
        together = (buckets[:, :, None] == buckets[:, None, :]).double().mean()
        if together < 0.95:
            if torch.allclose(result, vectors, atol=1e-6 * scale):
                return "these are the vectors that were given"
            if result.mean(0).abs().max() < 1e-6 * scale:
                return "fewer pairs than before share a bucket: the directions were spread, not crowded"
            return "fewer than 95 percent of the pairs share a bucket, so the index still tells vectors apart"
        return None

    return {"vectors": vectors}, holds


crowd.property("forty vectors of six entries, eight bits")(lambda draw: crowded(draw, 40, 6, 8))
crowd.property("large vectors, of thirteen entries")(lambda draw: crowded(draw, 30, 13, 9, scale=1e7))
crowd.property("vectors that are far from zero already", hidden=True)(
    lambda draw: crowded(draw, 25, 7, 10, offset=3.0)
)
crowd.property("tiny vectors")(lambda draw: crowded(draw, 35, 5, 8, scale=1e-8))
crowd.property("vectors whose mean is zero")(lambda draw: crowded(draw, 32, 8, 9, zero="mean"))
crowd.property("the first vector is zero")(lambda draw: crowded(draw, 28, 9, 10, offset=1.0, zero=0))
crowd.property("the last vector is zero", hidden=True)(
    lambda draw: crowded(draw, 33, 6, 9, offset=1.0, zero=-1)
)
crowd.mistake(
    "All vectors were made longer by a factor. That changes every distance and not one direction.",
    edit=("vectors + steps * vectors.abs().max()", "vectors * steps"),
)
crowd.mistake(
    "The step is too short: seen from the origin, the vectors must shrink to a small patch of the sky.",
    edit=("steps * vectors.abs().max()", "vectors.abs().max()"),
)
crowd.mistake(
    "The step is the same number whatever the size of the vectors. For larger vectors it is too short: "
    "measure it in lengths of the vectors.",
    edit=("steps * vectors.abs().max()", "1000.0"),
)
crowd.mistake(
    "The step is the same huge number whatever the size of the vectors. Next to it small vectors are rounded "
    "away: measure it in lengths of the vectors.",
    edit=("steps * vectors.abs().max()", "1e10"),
)
crowd.mistake(
    "The step is a multiple of the mean of the vectors. The mean may be zero, and then nothing moves: "
    "measure the step by the lengths of the vectors.",
    edit=("steps * vectors.abs().max()", "steps * vectors.mean(0)"),
)
crowd.mistake(
    "The step is a multiple of one of the vectors. That one may be zero, and then nothing moves: measure the "
    "step by the largest of them.",
    edit=("steps * vectors.abs().max()", "steps * vectors[0]"),
)
crowd.mistake("Nothing was changed.", edit=("vectors + steps * vectors.abs().max()", "vectors.clone()"))
crowd.mistake(
    "Every vector goes its own way, so the distances change: move all of them by the same step.",
    edit=("steps * vectors.abs().max()", "steps * vectors.abs().amax(dim=1, keepdim=True)"),
)
crowd.mistake(
    "All vectors became the same: then they share a bucket, and their distances are gone.",
    edit=("vectors + steps * vectors.abs().max()", "vectors.mean(0).expand_as(vectors).clone()"),
)
crowd.mistake(
    "The vectors were centered. That keeps the distances and spreads the directions: it mends such an index.",
    edit=("vectors + steps * vectors.abs().max()", "vectors - vectors.mean(0)"),
)
OPPOSITE = "a step of the same length in the opposite direction crowds the vectors as well"
crowd.equivalent(
    "return vectors + steps * vectors.max()",
    "the largest entry and the largest absolute value are of one size here, and any long step will do",
)
crowd.equivalent("return vectors - steps * vectors.abs().max()", OPPOSITE)


@crowd.variant
def along_one_axis(vectors):
    moved = vectors.clone()
    moved[:, 0] += 5000 * vectors.norm(dim=1).max()
    return moved


@crowd.variant
def away_from_the_mean(vectors):
    generator = torch.Generator().manual_seed(3)
    direction = functional.normalize(
        torch.randn(vectors.shape[1], generator=generator, dtype=vectors.dtype), dim=0
    )
    return vectors - vectors.mean(dim=0) + 2000 * vectors.abs().max() * direction
