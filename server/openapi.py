"""`python -m server.openapi > openapi.yaml`: the document, made from the app."""

import sys

import yaml

from rao_runtime.config import Settings
from server.app import create_app


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as a person would."""


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)  # pyright: ignore[reportUnknownMemberType] - untyped in its stub


Dumper.add_representer(str, _text)


def text() -> str:
    """The document as YAML."""
    document = create_app(Settings()).openapi()
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.stdout.write(text())
