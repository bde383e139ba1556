"""Where a model server is: which texts are its base URL, and what is the same one. One rule for all who take one."""

import re
from urllib.parse import urlsplit

import httpx

PATTERN = r"^https?://[^\s?#@\\]+$"


def base_url(text: str) -> str:
    """The URL without the `/v1` of the OpenAI protocol and slashes at its end. Raises ValueError."""
    if not (re.fullmatch(PATTERN, text) and text.isprintable()):
        raise ValueError(f"{text!r} is no base URL")
    base = text.rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        parts = urlsplit(base)
        unreachable = not parts.hostname or parts.port == 0
        # What httpx declines here, it would decline at each call.
        httpx.URL(base)
    except (ValueError, httpx.InvalidURL) as error:
        raise ValueError(f"{text!r} is no base URL: {error}") from error
    if unreachable:
        raise ValueError(f"{text!r} is no base URL: it names no host or no port that can be reached")
    return base
