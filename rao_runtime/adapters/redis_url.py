"""Where Redis is: what a URL of it says, without the password in anything that is shown."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server and how to log on. `str()` is for people: no user, no password."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    db: int = 0
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.path if self.path is not None else f"{self.host}:{self.port}"

    def greeting(self) -> list[tuple[str | int, ...]]:
        """The commands that start a connection."""
        commands = list[tuple[str | int, ...]]()
        if self.password is not None:
            names = () if self.username is None else (self.username,)
            commands.append(("AUTH", *names, self.password))
        if self.db:
            commands.append(("SELECT", self.db))
        return commands


def parse(url: str) -> Address:
    """Reads `redis://[user:password@]host[:port][/db]`, `rediss://...` (TLS) or `unix://[:password@]/path[?db=n]`.

    `rediss` takes `?ssl_ca_certs=FILE` and `?ssl_cert_reqs=none`, as redis-py does. Raises ValueError, which never
    shows the password.
    """
    parts, port = _split(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    is_unix = parts.scheme == "unix"
    return Address(
        host=unquote(parts.hostname or "localhost"),
        port=port or 6379,
        path=unquote(parts.path) if is_unix else None,
        db=_db(options.get("db") or ("" if is_unix else parts.path.strip("/"))),
        tls=_tls(options) if parts.scheme == "rediss" else None,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Without the cause: its message may quote the URL, and with it the password.
        raise ValueError("the URL of Redis cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"the URL of Redis starts with one of {', '.join(f'{each}://' for each in SCHEMES)}")
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("a unix:// URL of Redis needs the path of a socket")
    return parts, port


def _db(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise ValueError("the database in the URL of Redis must be a number")
    return int(text)


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    ca_file = options.get("ssl_ca_certs")
    if ca_file is not None and not Path(ca_file).is_file():
        raise ValueError(f"ssl_ca_certs in the URL of Redis names no file: {ca_file}")
    context = ssl.create_default_context(cafile=ca_file)
    if options.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
