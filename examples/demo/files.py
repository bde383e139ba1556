"""Reads a file that somebody names. Whatever is wrong with it is told in one line."""

from pathlib import Path

from rao_runtime.cli.errors import BadInput

MOST_BYTES = 8 << 20  # what a server takes unless it is told otherwise


def read_text(path: Path) -> str:
    """The file's text. Raises BadInput for one that is missing, no file, too large, no text, or empty."""
    data = _read(path)
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path} is too large: the demo takes up to {MOST_BYTES >> 20} MiB")
    if b"\0" in data:
        raise BadInput(f"{path} is no text: it holds binary data")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise BadInput(f"{path} is empty")
    return text


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"{path} is a folder" if path.is_dir() else f"{path} is no ordinary file")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"cannot read {str(path)!r}: {error}") from error
