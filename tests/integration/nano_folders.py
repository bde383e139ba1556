"""Model folders as training writes them, with weights that tests can tell the words of: no training is needed."""

import json
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rao_runtime.adapters.nano_tokenizer import PIECES, byte_letters

SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
WORDS = (" the", " count", "lime", " lime", "Goal", " of", " fruit", " lines")
MERGES = (("t", "h"), ("th", "e"), ("i", "n"), ("in", "g"))
WINDOW = 256
HIDDEN, HEAD, INNER, LAYERS = 64, 32, 128, 2

Rows = Sequence[Sequence[float]]


def vocabulary() -> list[str]:
    """Special tokens, every byte, the merges, and some words that need none."""
    merged = ["".join(pair) for pair in MERGES]
    words = ["".join(byte_letters()[byte] for byte in word.encode()) for word in WORDS]
    return [*SPECIAL, *byte_letters(), *merged, *words]


def tokenizer() -> dict[str, Any]:
    """A `tokenizer.json` of the kind that training writes."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    cut = {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Isolated", "invert": False}
    letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": text, "special": True, **flags} for i, text in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, letters]},
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "vocab": {text: i for i, text in enumerate(vocabulary())},
            "merges": [list(pair) for pair in MERGES],
        },
    }


def config(*, window: int = WINDOW) -> dict[str, Any]:
    """A `config.json`."""
    return {
        "model_type": "qwen3",
        "vocab_size": len(vocabulary()),
        "hidden_size": HIDDEN,
        "head_dim": HEAD,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HIDDEN // HEAD,
        "num_key_value_heads": HIDDEN // HEAD,
        "max_position_embeddings": window,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0,
        "eos_token_id": SPECIAL.index("<|end|>"),
        "pad_token_id": SPECIAL.index("<|pad|>"),
    }


def parrot(folder: Path, text: str, *, window: int = WINDOW) -> Path:
    """A model that answers any prompt with this text, byte by byte. No byte may come twice."""
    rng = random.Random(1)
    letters = byte_letters()
    tokens = vocabulary()
    said = ["<|assistant|>", *(letters[byte] for byte in text.encode()), "<|end|>"]
    assert len(set(said)) == len(said), "a token cannot have two that follow it"
    # A token's row is one direction; the output row of the token that follows it points there.
    embedded = [[rng.choice((-1.0, 1.0)) for _ in range(HIDDEN)] for _ in tokens]
    output = [[0.0] * HIDDEN for _ in tokens]
    for token, following in pairwise(said):
        output[tokens.index(following)] = embedded[tokens.index(token)]
    heads = {"model.embed_tokens.weight": embedded, "lm_head.weight": output}
    return write(folder, {**heads, **_layers(lambda rows, columns: [[0.0] * columns] * rows)}, window=window)


def babbler(folder: Path, *, window: int = WINDOW) -> Path:
    """A model with random weights: what it writes follows from the prompt, and has no end that one would wait for."""
    rng = random.Random(2)

    def drawn(rows: int, columns: int) -> Rows:
        return [[rng.gauss(0, 0.2) for _ in range(columns)] for _ in range(rows)]

    embedded = [[rng.gauss(0, 1.0) for _ in range(HIDDEN)] for _ in vocabulary()]
    return write(folder, {"model.embed_tokens.weight": embedded, **_layers(drawn)}, window=window)


def write(folder: Path, weights: Mapping[str, Rows], *, window: int, dtype: str = "F32") -> Path:
    """Write a model folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(window=window)))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()))
    (folder / "model.safetensors").write_bytes(safetensors(weights, dtype=dtype))
    return folder


def safetensors(weights: Mapping[str, Rows], *, dtype: str = "F32") -> bytes:
    """Weights as a safetensors file. A tensor of one row is written as a vector."""
    told: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, rows in weights.items():
        begin = len(data)
        for row in rows:
            wide = struct.pack(f"<{len(row)}f", *row)
            data += wide if dtype == "F32" else bytes(wide[at] for at in range(len(wide)) if at % 4 >= 2)
        shape = [len(rows), len(rows[0])] if len(rows) > 1 else [len(rows[0])]
        told[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, len(data)]}
    head = json.dumps(told).encode()
    return struct.pack("<Q", len(head)) + head + data


def _layers(matrix: Callable[[int, int], Rows]) -> dict[str, Rows]:
    weights: dict[str, Rows] = {"model.norm.weight": [[1.0] * HIDDEN]}
    for layer in range(LAYERS):
        of = f"model.layers.{layer}."
        weights |= {f"{of}self_attn.{part}_proj.weight": matrix(HIDDEN, HIDDEN) for part in "qkvo"}
        weights |= {f"{of}self_attn.{part}_norm.weight": [[1.0] * HEAD] for part in "qk"}
        weights |= {f"{of}mlp.{part}_proj.weight": matrix(INNER, HIDDEN) for part in ("gate", "up")}
        weights[f"{of}mlp.down_proj.weight"] = matrix(HIDDEN, INNER)
        weights |= {f"{of}{part}_layernorm.weight": [[1.0] * HIDDEN] for part in ("input", "post_attention")}
    return weights
