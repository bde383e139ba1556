"""A model folder in Hugging Face layout as one GGUF file, which llama.cpp reads. Knows Qwen3 and nothing else.

A million weights take some 0.2 s, without a library of numbers.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

VERSION = 3
ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9  # types of values
NORMAL, CONTROL = 1, 3  # types of tokens
F32, F16 = 0, 1  # types of tensors
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
OF_A_LAYER = {
    "input_layernorm": "attn_norm",
    "mlp.down_proj": "ffn_down",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.k_proj": "attn_k",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.v_proj": "attn_v",
}


def gguf_of(folder: Path) -> bytes:
    """The file. Raises OSError, ValueError or KeyError for a folder that holds no Qwen3 in bfloat16 or float32."""
    config = json.loads((folder / "config.json").read_bytes())
    if config["model_type"] != "qwen3":
        raise ValueError(f"a model of another kind than qwen3: {config['model_type']}")
    tokenizer = json.loads((folder / "tokenizer.json").read_bytes())
    values = {**_shape(config), **_vocabulary(tokenizer, config)}
    infos, data, tensors = bytearray(), bytearray(), 0
    for name, shape, weights in _weights((folder / "model.safetensors").read_bytes()):
        kind, written = (F16, _narrowed(weights, shape[-1])) if len(shape) > 1 else (F32, weights)
        infos += _text(_name(name)) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        infos += struct.pack("<IQ", kind, len(data))
        data += _padded(written)
        tensors += 1
    head = struct.pack("<4sIQQ", b"GGUF", VERSION, tensors, len(values))
    return _padded(head + b"".join(_text(key) + value for key, value in values.items()) + infos) + data


def _shape(config: Mapping[str, Any]) -> dict[str, bytes]:
    counts = {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": config["head_dim"],
        "attention.value_length": config["head_dim"],
    }
    numbers = {
        "rope.freq_base": config["rope_theta"],
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
    }
    return {
        "general.architecture": _string("qwen3"),
        **{f"qwen3.{key}": struct.pack("<II", UINT32, count) for key, count in counts.items()},
        **{f"qwen3.{key}": struct.pack("<If", FLOAT32, number) for key, number in numbers.items()},
    }


def _vocabulary(tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, bytes]:
    """Enough to turn tokens into text. Texts become tokens elsewhere: llama.cpp cannot cut them as training does."""
    model: Mapping[str, Any] = tokenizer["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    types = [CONTROL if token in special else NORMAL for token in tokens]
    return {
        "tokenizer.ggml.model": _string("gpt2"),
        "tokenizer.ggml.pre": _string("gpt-2"),
        "tokenizer.ggml.tokens": _array(STRING, tokens, b"".join(map(_text, tokens))),
        "tokenizer.ggml.token_type": _array(INT32, types, struct.pack(f"<{len(types)}i", *types)),
        "tokenizer.ggml.merges": _array(STRING, merges, b"".join(map(_text, merges))),
        "tokenizer.ggml.eos_token_id": struct.pack("<II", UINT32, config["eos_token_id"]),
        "tokenizer.ggml.padding_token_id": struct.pack("<II", UINT32, config["pad_token_id"]),
        "tokenizer.ggml.add_bos_token": struct.pack("<IB", BOOL, 0),
    }


def _weights(file: bytes) -> Iterator[tuple[str, Sequence[int], bytes]]:
    """Name, shape and float32 of each tensor of a safetensors file."""
    (size,) = struct.unpack_from("<Q", file)
    begin = 8 + size
    for name, told in json.loads(file[8:begin]).items():
        if name == "__metadata__":
            continue
        first, last = told["data_offsets"]
        yield name, told["shape"], _float32(told["dtype"], file[begin + first : begin + last])


def _float32(dtype: str, data: bytes) -> bytes:
    match dtype:
        case "F32":
            return data
        case "BF16":  # the upper half of a float32
            wide = bytearray(2 * len(data))
            wide[2::4], wide[3::4] = data[0::2], data[1::2]
            return bytes(wide)
        case _:
            raise ValueError(f"weights as {dtype}, not BF16 or F32")


def _narrowed(weights: bytes, columns: int) -> bytes:
    """Float16 of float32: a tenth faster to compute with, and all of a bfloat16 above 6e-5 fits.

    Row by row, since other threads have to wait for each.
    """
    wide, narrow = struct.Struct(f"<{columns}f"), struct.Struct(f"<{columns}e")
    return b"".join(narrow.pack(*row) for row in wide.iter_unpack(weights))


def _name(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{OF_A_LAYER[rest.removesuffix('.weight')]}.weight"


def _string(text: str) -> bytes:
    return struct.pack("<I", STRING) + _text(text)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _array(kind: int, of: Sequence[object], data: bytes) -> bytes:
    return struct.pack("<IIQ", ARRAY, kind, len(of)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
