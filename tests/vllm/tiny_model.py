"""Makes a model folder for vLLM: a Qwen3 of two small layers, and a tokenizer.

There are no weights in it: vLLM draws random ones itself (`--load-format dummy`), with a seed of its own.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TEXTS = (ROOT / "LICENSE", ROOT / "rao_runtime" / "engine" / "prompts.py")
WINDOW = 8192
WORDS = 1_700
SPECIAL = ("<|end|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_model(folder: Path) -> Path:
    """Write the folder's files, and return it."""
    vocabulary = _vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "config.json", _config(len(vocabulary)))
    _write(folder / "tokenizer.json", _tokenizer(vocabulary))
    _write(folder / "tokenizer_config.json", _tokenizer_config())
    return folder


def _vocabulary() -> list[str]:
    """Special tokens, every byte, and the words of our own texts, most frequent first."""
    words = Counter(word for text in TEXTS for word in re.findall(r" ?[A-Za-z]{2,}", text.read_text()))
    return [*SPECIAL, *_BYTES, *(word.replace(" ", _BYTES[32]) for word, _ in words.most_common(WORDS))]


def _byte_letters() -> list[str]:
    """GPT-2's letter for each byte: itself where it can be seen, else one from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    unseen = iter(range(0x100, 0x200))
    return [chr(byte if byte in seen else next(unseen)) for byte in range(256)]


_BYTES = _byte_letters()


def _tokenizer(vocabulary: list[str]) -> dict[str, Any]:
    """A known word is one token (`ignore_merges`), any other as many as it has bytes: no merges are needed."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": text, "special": True, **flags} for i, text in enumerate(SPECIAL)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "vocab": {text: i for i, text in enumerate(vocabulary)},
            "merges": [],
        },
    }


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|end|>",
        "chat_template": CHAT_TEMPLATE,
    }


def _config(vocab_size: int) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "dtype": "bfloat16",
        "vocab_size": vocab_size,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 32,
        "max_position_embeddings": WINDOW,
        "tie_word_embeddings": True,
        "eos_token_id": SPECIAL.index("<|im_end|>"),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1))
