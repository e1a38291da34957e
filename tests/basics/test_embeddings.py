"""Embeddings and search against scipy, scikit-learn, NumPy, transformers and tokenizers."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors as SklearnNeighbors

from course_utils.basics import learned_vectors, sentence_encoder
from course_utils.basics.embeddings import (
    NearestNeighbors,
    RandomProjectionIndex,
    cosine_similarity,
    crowd,
    embed_sentence,
    hash_buckets,
    random_hyperplanes,
    recall_at_k,
    similar_words,
    top_k,
    unit_vectors,
)

DTYPES = [torch.float32, torch.float64]
SEEDS = range(3)
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-13}}


def draw(seed, *shape, dtype=torch.float64, offset=0.3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype) + offset


class TestCosineSimilarity:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(("queries", "n", "d"), [(1, 1, 1), (3, 11, 7), (13, 2, 50)])
    def test_equals_scipy(self, seed, dtype, queries, n, d):
        a, b = draw(seed, queries, d, dtype=dtype), 9 * draw(seed + 10, n, d, dtype=dtype)
        expected = 1 - torch.tensor(cdist(a, b, metric="cosine"), dtype=dtype)
        torch.testing.assert_close(cosine_similarity(a, b), expected, **TOLERANCE[dtype])

    @pytest.mark.parametrize("scale", [1e-12, 1e12])
    def test_length_does_not_matter(self, scale):
        a, b = draw(0, 4, 6, dtype=torch.float32), draw(1, 5, 6, dtype=torch.float32)
        torch.testing.assert_close(cosine_similarity(scale * a, b), cosine_similarity(a, b))

    def test_zero_is_similar_to_nothing(self):
        a = draw(0, 3, 4)
        a[1] = 0.0
        similarity = cosine_similarity(a, a)
        assert similarity[1].eq(0).all()
        assert similarity[:, 1].eq(0).all()
        torch.testing.assert_close(similarity[0, 0], torch.ones((), dtype=a.dtype))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_on_unit_vectors_the_squared_distance_is_two_minus_twice_the_cosine(self, seed):
        a, b = unit_vectors(draw(seed, 5, 9)), unit_vectors(draw(seed + 20, 8, 9))
        squared = torch.tensor(cdist(a, b, metric="sqeuclidean"))
        torch.testing.assert_close(2 - 2 * cosine_similarity(a, b), squared)

    def test_refuses_other_sizes(self):
        with pytest.raises(ValueError, match="queries have 3 entries and vectors 4"):
            cosine_similarity(torch.ones(2, 3), torch.ones(2, 4))


class TestTopK:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch_where_all_scores_differ(self, seed, dtype):
        scores = draw(seed, 5, 17, dtype=dtype)
        for k in (1, 6, 17):
            expected = scores.topk(k)
            values, columns = top_k(scores, k)
            assert torch.equal(values, expected.values)
            assert torch.equal(columns, expected.indices)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_numpy_with_many_ties(self, seed):
        scores = np.random.default_rng(seed).integers(0, 3, (4, 50)).astype(float)
        _, columns = top_k(torch.tensor(scores), 20)
        np.testing.assert_array_equal(columns, np.argsort(-scores, axis=1, kind="stable")[:, :20])

    @pytest.mark.parametrize("k", [-1, 0, 8])
    def test_refuses(self, k):
        with pytest.raises(ValueError, match="between 1 and the 7 candidates"):
            top_k(torch.zeros(2, 7), k)


class TestNearestNeighbors:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_sklearn(self, seed, dtype):
        vectors = draw(seed, 83, 6, dtype=dtype) * draw(seed + 1, 83, 1, dtype=dtype).abs()
        queries = draw(seed + 2, 130, 6, dtype=dtype)  # more than one part of 64
        oracle = SklearnNeighbors(n_neighbors=9, metric="cosine", algorithm="brute").fit(vectors)
        distances, rows = oracle.kneighbors(queries)
        similarities, ours = NearestNeighbors(vectors).search(queries, 9)
        torch.testing.assert_close(similarities, 1 - torch.tensor(distances), **TOLERANCE[dtype])
        assert torch.equal(ours, torch.tensor(rows))

    def test_equals_are_in_the_order_of_their_rows(self):
        vectors = torch.eye(3, dtype=torch.float64)[[2, 0, 1, 0, 0]]
        _, rows = NearestNeighbors(vectors).search(torch.eye(3, dtype=torch.float64)[:1], 5)
        assert rows.tolist() == [[1, 3, 4, 0, 2]]


class TestSimilarWords:
    words = ("ant", "bee", "cat", "dog", "eel", "fox")

    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_sklearn(self, seed):
        vectors = draw(seed, 6, 4)
        oracle = SklearnNeighbors(n_neighbors=6, metric="cosine", algorithm="brute").fit(vectors)
        for word, row in zip(self.words, oracle.kneighbors(vectors)[1], strict=True):
            expected = [self.words[other] for other in row if self.words[other] != word]
            assert similar_words(word, self.words, vectors, 5) == expected

    def test_refuses(self):
        with pytest.raises(ValueError, match="'gnu' is not among the 6 words"):
            similar_words("gnu", self.words, draw(0, 6, 4), 2)
        with pytest.raises(ValueError, match="between 1 and the 5"):
            similar_words("ant", self.words, draw(0, 6, 4), 6)


class TestRecallAtK:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_the_recall_of_sklearn(self, seed):
        from sklearn.metrics import recall_score

        rng = np.random.default_rng(seed)
        k, rows = 7, 25
        found = [rng.permutation(rows)[: rng.integers(0, 12)].tolist() for _ in range(9)]
        nearest = [rng.permutation(rows)[:11].tolist() for _ in range(9)]
        table = {
            name: np.array([[row in chosen[:k] for row in range(rows)] for chosen in lists])
            for name, lists in (("found", found), ("nearest", nearest))
        }
        expected = recall_score(table["nearest"], table["found"], average="samples")
        assert recall_at_k(found, nearest, k) == pytest.approx(expected)

    def test_extremes(self):
        nearest = [[3, 1, 2], [5, 4, 6]]
        assert recall_at_k([[2, 3, 1], [6, 5, 4]], nearest, 3) == 1.0
        assert recall_at_k([[], [7, 8, 9, 5]], nearest, 3) == 0.0
        assert recall_at_k([[3, 3, 3], [4, 4, 4]], nearest, 3) == pytest.approx(1 / 3)

    @pytest.mark.parametrize(
        ("found", "nearest", "k"), [([], [], 1), ([[1]], [[1], [2]], 1), ([[1]], [[1]], 2), ([[1]], [[1]], 0)]
    )
    def test_refuses(self, found, nearest, k):
        with pytest.raises(ValueError, match=r"queries|true neighbors"):
            recall_at_k(found, nearest, k)


class TestHashing:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_bits_packed_by_numpy(self, seed, dtype):
        vectors, planes = draw(seed, 19, 5, dtype=dtype), draw(seed + 5, 3, 11, 5, dtype=dtype, offset=0)
        sides = np.einsum("tbd,nd->tnb", planes.double().numpy(), vectors.double().numpy()) >= 0
        packed = np.packbits(sides, axis=-1, bitorder="little").astype(np.int64)
        expected = packed[..., 0] + 256 * packed[..., 1]
        np.testing.assert_array_equal(hash_buckets(vectors, planes), expected)

    def test_zero_counts_as_the_positive_side(self):
        planes = torch.ones(2, 62, 3)
        assert hash_buckets(torch.zeros(1, 3), planes).tolist() == [[2**62 - 1], [2**62 - 1]]

    @pytest.mark.parametrize("angle", [0.2, 1.0, 2.5])
    def test_the_chance_of_a_common_bit_is_that_of_charikar(self, angle):
        pair = torch.tensor([[1.0, 0.0, 0.0], [math.cos(angle), math.sin(angle), 0.0]], dtype=torch.float64)
        one_bit = hash_buckets(pair, random_hyperplanes(tables=40_000, bits=1, d=3, seed=1))
        share = (one_bit[:, 0] == one_bit[:, 1]).double().mean()
        assert float(share) == pytest.approx(1 - angle / math.pi, abs=4 * 0.5 / math.sqrt(40_000))

    def test_the_seed_decides(self):
        assert torch.equal(random_hyperplanes(2, 3, 4, seed=5), random_hyperplanes(2, 3, 4, seed=5))
        assert not torch.equal(random_hyperplanes(2, 3, 4, seed=5), random_hyperplanes(2, 3, 4, seed=6))

    def test_refuses(self):
        with pytest.raises(ValueError, match="the vectors have 4 entries and the hyperplanes 5"):
            hash_buckets(torch.ones(2, 4), torch.ones(1, 3, 5))
        with pytest.raises(ValueError, match="63 bits"):
            hash_buckets(torch.ones(2, 4), torch.ones(1, 63, 4))
        with pytest.raises(TypeError, match=r"vectors are torch\.float32 and the hyperplanes torch\.float64"):
            hash_buckets(torch.ones(2, 4), random_hyperplanes(1, 3, 4))


class TestRandomProjectionIndex:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_sklearn_on_the_candidates(self, seed, dtype):
        vectors, queries = draw(seed, 90, 6, dtype=dtype), draw(seed + 1, 7, 6, dtype=dtype)
        planes = random_hyperplanes(tables=3, bits=4, d=6, seed=seed).to(dtype)
        index = RandomProjectionIndex(vectors, planes)
        buckets = hash_buckets(vectors, planes)
        for query in queries:
            own = hash_buckets(query[None], planes)
            rows = index.candidates(query)
            assert rows == np.flatnonzero((buckets == own).any(dim=0)).tolist()
            k = min(5, len(rows))
            oracle = SklearnNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(vectors[rows])
            distances, places = oracle.kneighbors(query[None])
            similarities, found = index.search(query, k)
            assert found.tolist() == [rows[place] for place in places[0]]
            torch.testing.assert_close(similarities, 1 - torch.tensor(distances[0]), **TOLERANCE[dtype])

    @pytest.mark.parametrize("seed", SEEDS)
    def test_one_bucket_is_an_exact_search(self, seed):
        vectors, queries = draw(seed, 40, 5), draw(seed + 1, 3, 5)
        index = RandomProjectionIndex(vectors, torch.zeros(1, 1, 5, dtype=torch.float64))
        _, exact = NearestNeighbors(vectors).search(queries, 6)
        assert [index.search(query, 6)[1].tolist() for query in queries] == exact.tolist()

    @pytest.mark.parametrize("seed", SEEDS)
    def test_another_table_never_loses_a_candidate(self, seed):
        vectors, query = draw(seed, 60, 4), draw(seed + 1, 4)
        planes = random_hyperplanes(tables=4, bits=5, d=4, seed=seed)
        seen = [set(RandomProjectionIndex(vectors, planes[:n]).candidates(query)) for n in (1, 2, 3, 4)]
        assert all(fewer <= more for fewer, more in itertools.pairwise(seen))

    def test_an_empty_bucket(self):
        index = RandomProjectionIndex(torch.ones(3, 2), torch.tensor([[[1.0, 0.0]]]))
        similarities, rows = index.search(torch.tensor([-1.0, 0.0]), 2)
        assert similarities.shape == rows.shape == (0,)
        assert rows.dtype == torch.int64
        with pytest.raises(ValueError, match="k is at least 1"):
            index.search(torch.ones(2), 0)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_crowd_keeps_distances_and_fills_one_bucket(self, seed):
        vectors = draw(seed, 30, 6)
        moved = crowd(vectors)
        np.testing.assert_allclose(cdist(moved, moved), cdist(vectors, vectors), rtol=1e-9, atol=1e-9)
        index = RandomProjectionIndex(moved, random_hyperplanes(tables=1, bits=8, d=6, seed=seed))
        assert len(index.candidates(moved[0])) == 30


class TestEmbedSentence:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_equals_torch_embedding_bag(self, seed, dtype):
        vectors = draw(seed, 5, 8, dtype=dtype)
        frequencies = torch.tensor([0.2, 0.1, 0.01, 0.003, 0.0004], dtype=dtype)
        rows = {word: row for row, word in enumerate(["the", "of", "moon", "pale", "wanes"])}
        words = [0, 3, 2, 1, 0, 2]
        weights = 0.002 / (0.002 + frequencies)
        expected = torch.nn.functional.embedding_bag(
            torch.tensor([words]), vectors, mode="sum", per_sample_weights=weights[None, words]
        )
        ours = embed_sentence("The pale MOON, of the (unheard) moon!", rows, vectors, frequencies, 0.002)
        torch.testing.assert_close(ours, expected[0] / 6, **TOLERANCE[dtype])

    def test_no_known_word_gives_zeros(self):
        ours = embed_sentence("?", {"a": 0}, torch.ones(1, 3), torch.ones(1))
        assert torch.equal(ours, torch.zeros(3))

    def test_the_order_of_the_words_is_lost(self):
        rows = {"dog": 0, "bites": 1, "man": 2}
        one, two = (
            embed_sentence(text, rows, draw(0, 3, 5), torch.full((3,), 0.1, dtype=torch.float64))
            for text in ("dog bites man", "man bites dog")
        )
        torch.testing.assert_close(one, two)


class TestLearnedVectors:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_counts_equal_a_loop(self, seed):
        rng = np.random.default_rng(seed)
        texts = [[f"w{n}" for n in rng.integers(0, 9, size)] for size in (1, 4, 17, 30)]
        words = [f"w{n}" for n in range(7)]
        expected = np.zeros((7, 7), dtype=int)
        for text in texts:
            for i, first in enumerate(text):
                for second in text[max(i - 3, 0) : i] + text[i + 1 : i + 4]:
                    if first in words and second in words:
                        expected[words.index(first), words.index(second)] += 1
        np.testing.assert_array_equal(learned_vectors.count_neighbors(texts, words, 3), expected)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_positive_pmi_equals_its_definition(self, seed):
        counts = np.random.default_rng(seed).integers(0, 6, (5, 8)) + np.eye(5, 8, dtype=int)
        counts[0] += 1
        ours = learned_vectors.positive_pmi(counts, smoothing=0.75)
        context = counts.sum(0) ** 0.75 / (counts.sum(0) ** 0.75).sum()
        for i in range(5):
            for j in range(8):
                joint, word = counts[i, j] / counts.sum(), counts[i].sum() / counts.sum()
                expected = max(0.0, math.log(joint / (word * context[j]))) if joint else 0.0
                assert ours[i, j] == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("rows", "columns", "d", "blocks"),
        [(70, 50, 6, {}), (640, 520, 30, {}), (520, 640, 50, {}), (90, 83, 6, {"block": 4, "steps": 12})],
    )
    @pytest.mark.parametrize("seed", SEEDS)
    def test_directions_equal_numpy(self, seed, rows, columns, d, blocks):
        rng = np.random.default_rng(seed)
        # Like a table of words: a strong common part, and many values that lie close together.
        matrix = rng.exponential(size=(rows, columns)) * (rng.random((rows, columns)) < 0.2)
        left, expected, _ = np.linalg.svd(matrix, full_matrices=False)
        ours, values = learned_vectors.largest_directions(matrix, d, **blocks)
        assert ours.shape == (rows, d)
        np.testing.assert_allclose(values, expected[:d], rtol=1e-5)
        np.testing.assert_allclose(ours.T @ ours, np.eye(d), atol=1e-9)
        np.testing.assert_allclose(np.abs(np.sum(ours * left[:, :d], axis=0))[:3], 1.0, atol=1e-4)
        assert (ours[np.abs(ours).argmax(0), range(d)] > 0).all()

    @pytest.mark.parametrize("seed", SEEDS)
    def test_directions_of_a_large_matrix_of_low_rank(self, seed):
        rng = np.random.default_rng(seed)
        left, right = (np.linalg.qr(rng.standard_normal((size, 40)))[0] for size in (620, 540))
        matrix = left * 0.9 ** np.arange(40) @ right.T
        ours, values = learned_vectors.largest_directions(matrix, 9)
        np.testing.assert_allclose(values, 0.9 ** np.arange(9), rtol=1e-9)
        np.testing.assert_allclose(np.abs(np.sum(ours * left[:, :9], axis=0)), 1.0, atol=1e-9)

    def test_the_learned_vectors_fit_the_table(self):
        rng = np.random.default_rng(0)
        texts = [[f"w{n}" for n in rng.integers(0, 40, 50) ** 2 // 40] for _ in range(60)]
        learned = learned_vectors.learn_word_vectors(texts, d=4, at_least=10)
        assert learned.counts.tolist() == sorted(learned.counts.tolist(), reverse=True)
        table = learned_vectors.positive_pmi(learned_vectors.count_neighbors(texts, learned.words))
        values = np.linalg.svd(table, compute_uv=False)[:4]
        np.testing.assert_allclose((learned.vectors**2).sum(0), values, rtol=1e-9)

    def test_too_little_text(self):
        with pytest.raises(ValueError, match=r"2 words occur 20 times or more.*lower at_least or d"):
            learned_vectors.learn_word_vectors([["a", "b"] * 30], d=3)

    def test_speeches(self):
        play = (
            "A Play\n\nACT I\n\n[Enter]\n\nFIRST WITCH:\nWhen shall\nwe [pausing] three\n\nFirst Lord:\nNo."
        )
        assert learned_vectors.speeches_of(play) == [["When shall", "we  three"], ["No."]]


PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *"abcdefghijklmnop.,'!-",
    *(f"##{x}" for x in "abcdefghijklmnop"),
]
PIECES += ["moon", "beam", "##beam", "##s", "the", "sun", "##ny", "cafe", "漢", "3", "##3", "sunn"]
TEXTS = [
    "The moon, the SUN!",
    "moonbeams sunny sunnny",
    "Café—the  o'moon\tabc-def\u00a0x",
    "33 漢漢 moon" + "a" * 120,
    "moon\u3400sun\U00020000the\U0002a700sun\ufa0emoon\U0002f800a",
    "",
]


def bert(seed):
    """Return a small BERT of transformers with random weights, biases and norms included."""
    import transformers

    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=40,
        max_position_embeddings=300,
        layer_norm_eps=1e-12,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.oracle
class TestSentenceEncoder:
    @pytest.mark.parametrize("text", TEXTS)
    def test_pieces_equal_those_of_tokenizers(self, text):
        import tokenizers

        vocabulary = {piece: number for number, piece in enumerate(PIECES)}
        oracle = tokenizers.BertWordPieceTokenizer(vocabulary, lowercase=True)
        expected = oracle.encode(text, add_special_tokens=False).tokens
        assert sentence_encoder.word_pieces(text, vocabulary) == expected

    @pytest.mark.parametrize("seed", SEEDS)
    def test_layers_equal_transformers(self, seed):
        model = bert(seed)
        pieces = torch.randint(4, len(PIECES), (3, 7), generator=torch.Generator().manual_seed(seed))
        mask = torch.arange(7) < torch.tensor([7, 4, 1])[:, None]
        with torch.no_grad():
            expected = model(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
            ours = sentence_encoder.encode(pieces, mask, model.state_dict(), heads=4)
        torch.testing.assert_close(ours[mask], expected[mask], rtol=1e-4, atol=1e-5)

    def test_a_sentence_alone_and_among_longer_ones(self):
        vocabulary = {piece: number for number, piece in enumerate(PIECES)}
        encoder = sentence_encoder.SentenceEncoder(vocabulary, bert(0).state_dict(), heads=4)
        together = encoder(TEXTS)
        alone = torch.cat([encoder([text]) for text in TEXTS])
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.norm(dim=1), torch.ones(len(TEXTS)))

    def test_what_is_too_long_is_cut_off(self):
        vocabulary = {piece: number for number, piece in enumerate(PIECES)}
        encoder = sentence_encoder.SentenceEncoder(vocabulary, bert(1).state_dict(), heads=4)
        long, longer = encoder(["moon " * 254 + "sun", "moon " * 254 + "the beam"])
        torch.testing.assert_close(long, longer)

    def test_loads_a_package(self, tmp_path, monkeypatch):
        import safetensors.torch

        folder = tmp_path / sentence_encoder.PACKAGE / "model"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("")
        (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
        (folder / "config.json").write_text(json.dumps({"num_attention_heads": 4}))
        weights = {name: tensor.clone() for name, tensor in bert(2).state_dict().items()}
        positions = {"embeddings.position_ids": torch.arange(300)[None]}
        safetensors.torch.save_file(weights | positions, folder / "model.safetensors")
        monkeypatch.setattr("sys.path", [str(tmp_path)])
        encoder = sentence_encoder.load_sentence_encoder()
        assert encoder.weights.keys() == weights.keys()
        assert all(torch.equal(encoder.weights[name], weights[name]) for name in weights)
        assert encoder(["the moon"]).shape == (1, 24)


def test_without_the_package_the_way_to_get_it_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="EXTRAS"):
        sentence_encoder.load_sentence_encoder()
