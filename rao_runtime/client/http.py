"""What both clients need of httpx: how they are set up, and the way from its requests, responses and errors to ours."""

from collections.abc import Mapping

import httpx

from rao_runtime import __version__
from rao_runtime.client.steps import Answer, Lost, Request

# A proxy for the outside world is the wrong way to a server on this machine.
NO_PROXY = ("localhost", "127.0.0.1", "[::1]")
# A stream keeps its connection: with httpx's usual hundred, the next call would wait for one of them to end.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)
MOST_CONNECT_S = 5.0
ENDED = Lost("it ends its streams before the tree has ended")

INTERRUPTED = Lost("the caller left", is_ours=True)


def base_url(text: str) -> str:
    """The base URL that was meant; `http://` may be left out. Raises ValueError."""
    full = text.strip() if "://" in text else f"http://{text.strip()}"
    try:
        url = httpx.URL(full)
    except httpx.InvalidURL as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{text!r} is not the URL of a server, such as http://127.0.0.1:8000")
    return full.rstrip("/")


def headers(more: Mapping[str, str] | None) -> httpx.Headers:
    """Those of every request; a caller's own go first."""
    ours = httpx.Headers({"User-Agent": f"rao/{__version__}", "Accept": "application/json"})
    ours.update(more)
    return ours


def build(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    """The request as httpx wants it."""
    return http.build_request(
        request.method,
        request.path,
        params=request.params,
        headers=request.headers,
        content=request.body,
        timeout=httpx.Timeout(request.silence_s, connect=min(request.silence_s, MOST_CONNECT_S)),
    )


def answer(response: httpx.Response, body: bytes = b"") -> Answer:
    """The response as plans want it."""
    named = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, url=str(response.url), headers=named, body=body)


def lost(error: httpx.RequestError) -> Lost:
    """What happened instead of a reply."""
    return Lost(str(error) or type(error).__name__)
