"""Where a server is, and what is sent with every request."""

import httpx
import pytest

from rao_runtime import __version__
from rao_runtime.client import Client
from rao_runtime.client.http import base_url, headers


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:8000", "http://localhost:8000"),
        (" https://rao.example/api/ ", "https://rao.example/api"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_server_may_be_named_briefly(typed: str, meant: str) -> None:
    assert base_url(typed) == meant


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://", "http://x:port", "/run/socket"])
def test_what_is_no_server_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Client(typed)


def test_a_callers_headers_go_first() -> None:
    assert headers(None)["user-agent"] == f"rao/{__version__}"
    mine = headers({"USER-AGENT": "mine", "Authorization": "Bearer k"})
    assert (mine["user-agent"], mine["authorization"]) == ("mine", "Bearer k")


def test_a_path_before_the_server_is_kept_and_a_transport_can_be_given() -> None:
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"tree_id": "t", "status": "working"})

    with Client("https://rao.example/api/", headers={"X-Key": "k"}, transport=httpx.MockTransport(answer)) as client:
        assert client.get("t", nodes=True).status == "working"
    [request] = asked
    assert str(request.url) == "https://rao.example/api/trees/t?nodes=true"
    assert request.headers["x-key"] == "k"
