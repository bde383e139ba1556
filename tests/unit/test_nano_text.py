"""The small model's tokenizer and chat format: the same tokens that training learned from, for any text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.nano_chat import Chat
from rao_runtime.adapters.nano_tokenizer import Tokenizer, byte_letters
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Message
from tests.integration.nano_folders import SPECIAL, tokenizer, vocabulary

TOKENS = vocabulary()


def pieces(text: str) -> list[str]:
    """The tokens of a text, as they are written in the vocabulary; `Ġ` is a space there, `Ċ` the end of a line."""
    return [TOKENS[token] for token in Tokenizer(tokenizer()).encode(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lime", ["lime"]),
        ("a lime", ["a", "Ġlime"]),
        ("limes", ["l", "i", "m", "e", "s"]),  # what is no known piece knows only merges
        ("the", ["the"]),
        (" then", ["Ġ", "the", "n"]),
        ("singing", ["s", "ing", "ing"]),
        ("a_lime", ["a", "_", "l", "i", "m", "e"]),
        ("12", ["1", "2"]),
        ("lime lime", ["lime", "Ġlime"]),
        ("lime  lime", ["lime", "Ġ", "Ġ", "lime"]),  # both spaces are one piece
        ("a\n  b", ["a", "Ċ", "Ġ", "Ġ", "b"]),
        ("!?", ["!", "?"]),
        ("", []),
        ("<|end|>", ["<", "|", "e", "n", "d", "|", ">"]),
    ],
)
def test_known_pieces_are_one_token_and_others_are_merged(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("élime", 6),  # a letter like any other: no piece ends behind it
        ("²lime", 3),  # a number is a piece of its own, so the word behind it is known
        ("\u00a0lime", 3),  # a space that is no blank
        ("…lime", 4),
        ("Ⅷlime", 4),
        ("漢lime", 7),
    ],
)
def test_signs_beyond_ascii_are_cut_by_their_class(text: str, expected: int) -> None:
    assert len(pieces(text)) == expected


@given(text=st.text())
def test_no_byte_of_a_text_is_lost_and_none_becomes_a_special_token(text: str) -> None:
    letters = byte_letters()
    spelled = "".join(letters[byte] for byte in text.encode("utf-8", "replace"))
    found = pieces(text)
    assert "".join(found) == spelled
    assert not set(found) & set(SPECIAL)


def test_half_a_surrogate_is_a_question_mark() -> None:
    assert pieces("a\ud800") == ["a", "?"]


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}},
        {"model": {**tokenizer()["model"], "ignore_merges": False}},
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="another kind"):
        Tokenizer({**tokenizer(), **changes})


def test_a_prompt_is_each_message_between_its_role_and_an_end_then_the_assistant() -> None:
    chat = Chat(Tokenizer(tokenizer()), window=64)
    messages = [Message("system", "lime"), Message("user", " lime"), Message("assistant", "")]
    prompt = [TOKENS[token] for token in chat.prompt(messages)]
    assert prompt == [
        *("<|system|>", "lime", "<|end|>"),
        *("<|user|>", "Ġlime", "<|end|>"),
        *("<|assistant|>", "<|end|>"),
        "<|assistant|>",
    ]


def test_a_prompt_must_leave_room_for_a_token() -> None:
    chat = Chat(Tokenizer(tokenizer()), window=8)
    assert len(chat.prompt([Message("user", "1234")])) == 7
    with pytest.raises(ModelError, match="maximum context length is 8 tokens, the prompt has 8 "):
        chat.prompt([Message("user", "12345")])


def test_an_endless_prompt_is_refused_without_being_read() -> None:
    chat = Chat(Tokenizer(tokenizer()), window=8)
    with pytest.raises(ModelError, match="has at least") as caught:
        chat.prompt([Message("user", "th" * 50_000_000)])
    assert (caught.value.kind, caught.value.status) == (FailureKind.REJECTED, 400)
