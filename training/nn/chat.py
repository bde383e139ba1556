"""How messages become tokens: the chat format of the small model, and its tokenizer, learned from examples.

Most words the model has to know become one token, together with the space before them. Every digit is a token.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from rao_runtime.engine.prompt_nano import SYSTEM
from rao_runtime.ports import Message
from training.examples import Example
from training.nn.batches import Encoded

PAD, END = "<|pad|>", "<|end|>"
ROLES = {role: f"<|{role}|>" for role in ("system", "user", "assistant")}
SPECIAL = (PAD, END, *ROLES.values())
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

# A word with the space before it, one digit, a line's end with the indentation after it, spaces, other signs in a row.
_PIECES = r" ?[\p{L}_]+|\p{N}|\n *| ?[^\s\p{L}\p{N}_]+| +|\s"
_MERGES = 256


def learn(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A byte-level tokenizer of so many entries: any text can be encoded, and the commonest pieces are one token each.

    Rare pieces are put together by a few hundred merges. What is common needs none (`ignore_merges`, as in Llama 3),
    so the vocabulary is not filled with halves of words.
    """
    cut = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    pieces = Counter(piece for text in texts for piece, _ in cut.pre_tokenize_str(text))
    merged = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + 256 + _MERGES,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    merged.train_from_iterator(pieces.elements(), trainer)
    learned = json.loads(merged.to_str())["model"]
    vocabulary_of = dict(learned["vocab"])
    for piece, _ in sorted(pieces.items(), key=lambda each: (-each[1], each[0])):
        if len(vocabulary_of) < vocabulary:
            vocabulary_of.setdefault(piece, len(vocabulary_of))
    merges = [(left, right) for left, right in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary_of, merges=merges, ignore_merges=True))
    tokenizer.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in SPECIAL])
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def prefix(tokenizer: Tokenizer) -> Sequence[int]:
    """The tokens that every example starts with: the system message."""
    return encode(tokenizer, [Message("system", SYSTEM)]).tokens


def encoded(tokenizer: Tokenizer, each: Example) -> Encoded:
    """An example's tokens after the shared prefix; the turns before its last are taught as well."""
    after_system = [*each.messages[1:], Message("assistant", each.completion)]
    return encode(tokenizer, after_system)


def encode(tokenizer: Tokenizer, messages: Sequence[Message]) -> Encoded:
    """The tokens of whole messages. What assistants say is written by the model, their end included."""
    tokens, written = list[int](), list[bool]()
    end = tokenizer.token_to_id(END)
    for message in messages:
        content = [*tokenizer.encode(message.content, add_special_tokens=False).ids, end]
        tokens += [tokenizer.token_to_id(ROLES[message.role]), *content]
        written += [False, *[message.role == "assistant"] * len(content)]
    return Encoded(tokens, written)
