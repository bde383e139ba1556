"""`/ui`: the page to watch trees. Its files are read once, when the server starts; no other file is ever served."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

INDEX = "index.html"
MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What models write is shown on this page: nothing of it may run, load or send anything.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept by the browser, asked for each time: after an upgrade no old module meets a new one.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page as it goes out."""

    body: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> "Asset":
        """A file, with an ETag made of what is in it."""
        return cls(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def answer(self, request: Request) -> Response:
        """The file, or 304 to a browser that has it."""
        headers = {**HEADERS, "ETag": self.etag}
        known = (each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(","))
        if self.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


ASSETS: Mapping[str, Asset] = {
    entry.name: Asset.of(entry.read_bytes(), MEDIA_TYPES[PurePath(entry.name).suffix])
    for entry in files("server").joinpath("ui").iterdir()
    if PurePath(entry.name).suffix in MEDIA_TYPES
}

router = APIRouter(include_in_schema=False)


@router.get("/ui")
async def ui() -> Response:
    """To the page. The address is relative, so that it holds behind a proxy that serves us under a prefix."""
    return RedirectResponse("ui/", headers=dict(HEADERS))


@router.get("/ui/")
async def page(request: Request) -> Response:
    """The page itself."""
    return ASSETS[INDEX].answer(request)


@router.get("/ui/{name:path}")
async def asset(request: Request, name: str) -> Response:
    """A file of the page, by a name of the fixed list."""
    found = ASSETS.get(name)
    if found is None:
        raise HTTPException(404)
    return found.answer(request)
