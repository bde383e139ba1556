"""Writes a network as a model folder in Hugging Face layout, which vLLM and all its kin can load."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from training.nn.chat import END, PAD, TEMPLATE
from training.nn.network import Decoder


def export(network: Decoder, tokenizer: Tokenizer, folder: Path) -> None:
    """Weights as bfloat16, configuration, tokenizer; other files in the folder stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.to(torch.bfloat16).cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    end, pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)
    _write(folder / "config.json", _config(network) | {"eos_token_id": end, "pad_token_id": pad})
    _write(folder / "generation_config.json", {"eos_token_id": end, "pad_token_id": pad})
    _write(folder / "tokenizer_config.json", _tokenizer_config(network))


def _config(network: Decoder) -> dict[str, object]:
    shape = network.shape
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.window,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.heads,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True,
        # What to compute in: with so few weights every bit of an activation counts.
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }


def _tokenizer_config(network: Decoder) -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
        "model_max_length": network.shape.window,
        "chat_template": TEMPLATE,
    }


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
