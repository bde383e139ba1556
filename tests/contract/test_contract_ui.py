"""The page's files: what is served, with which headers, and what they keep away from."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from server.app import create_app
from server.routes.ui import CONTENT_SECURITY_POLICY
from tests.contract.world import World, world

UI = Path(__file__).parents[2] / "server" / "ui"
FILES = sorted(UI.iterdir())
BODIES = {path.name: path.read_bytes() for path in FILES}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ELSEWHERE = (
    "nothing.js",
    "%2e%2e/app.py",
    "..%2fapp.py",
    "..%2f..%2fpyproject.toml",
    "ui/main.js",
    "main.js/",
    "/etc/passwd",
)
MADE_HTML = re.compile(
    r"(?:inner|outer|Adjacent)HTML|document\.write|\beval\(|new Function|setAttribute\(\"(?:on|style)"
)
FROM_OUTSIDE = re.compile(r"(?:src|href|from|import|url)\s*[=(]?\s*[\"'(](?:https?:)?/", re.IGNORECASE)
LINKS = re.compile(r"(?:from|import)\s+\"\./([\w.]+)\"|(?:href|src)=\"(?!#)([^\"]+)\"")


def name_of(path: Path) -> str:
    return path.name


@pytest.fixture(scope="module")
async def opened() -> AsyncGenerator[World, None]:
    async with world() as each:
        yield each


@pytest.fixture
def http(opened: World) -> httpx.AsyncClient:
    return opened.http


@pytest.mark.parametrize("path", FILES, ids=name_of)
async def test_every_file_is_served_as_what_it_is(http: httpx.AsyncClient, path: Path) -> None:
    answer = await http.get(f"/ui/{path.name}")
    assert answer.status_code == 200
    assert answer.content == BODIES[path.name]
    assert answer.headers["content-type"] == TYPES[path.suffix]
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_page_is_found_with_and_without_a_slash_and_under_a_prefix(http: httpx.AsyncClient) -> None:
    answer = await http.get("/ui")
    assert (answer.status_code, answer.headers["location"]) == (307, "ui/")
    page = await http.get("/ui/")
    assert page.content == BODIES["index.html"]


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/main.js"])
async def test_head_has_the_headers_of_get(http: httpx.AsyncClient, path: str) -> None:
    head, get = await http.head(path), await http.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    kept = ("content-type", "content-length", "etag", "location")
    assert {name: head.headers.get(name) for name in kept} == {name: get.headers.get(name) for name in kept}


async def test_a_browser_that_has_a_file_is_not_sent_it_again(http: httpx.AsyncClient) -> None:
    etag = (await http.get("/ui/main.js")).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = await http.get("/ui/main.js", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await http.get("/ui/main.js", headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await http.get("/ui/api.js")).headers["etag"] != etag


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_nothing_but_the_pages_files_is_served(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(httpx.URL("http://gateway", raw_path=f"/ui/{name}".encode()))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_is_only_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/ui/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_worker_has_no_page(opened: World) -> None:
    transport = httpx.ASGITransport(create_app(opened.settings, opened.runtime, without_trees=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        assert [(await client.get(path)).status_code for path in ("/ui", "/ui/", "/ui/main.js")] == [404, 404, 404]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_makes_no_html_and_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert MADE_HTML.findall(text) == []
    assert FROM_OUTSIDE.findall(text) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert path.suffix in {".html", ".svg"} or text.startswith("/*")


def test_every_file_is_used_and_every_used_file_is_there() -> None:
    named = {name for path in FILES for found in LINKS.findall(path.read_text()) for name in found if name}
    assert named | {"index.html"} == {path.name for path in FILES}


def test_every_module_is_fetched_with_the_page_and_not_one_after_the_other() -> None:
    fetched = re.findall(r'(?:rel="modulepreload" href|type="module" src)="([^"]+)"', BODIES["index.html"].decode())
    assert sorted(fetched) == [path.name for path in FILES if path.suffix == ".js"]
