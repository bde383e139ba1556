"""A tokenizer that is none: a token is so many characters, one after the other.

Counting costs nothing whatever the length, a prefix of a text has a prefix of its tokens, and the joined tokens are the
text again. What is lost is the spread of a real tokenizer, three to five characters in English text.
"""

MESSAGE_OVERHEAD = 4


def count(text: str, chars_per_token: int) -> int:
    """How many tokens a text has; the last one may be short."""
    return -(-len(text) // chars_per_token)


def count_messages(texts: tuple[str, ...], chars_per_token: int) -> int:
    """How many tokens a prompt of these messages has; a chat template adds a few to each."""
    return sum(count(text, chars_per_token) + MESSAGE_OVERHEAD for text in texts)


def split(text: str, chars_per_token: int, tokens: int) -> list[str]:
    """The text in pieces of so many tokens."""
    size = chars_per_token * tokens
    return [text[start : start + size] for start in range(0, len(text), size)]
