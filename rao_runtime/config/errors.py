"""What is wrong with a configuration, in words an operator can act on."""

from rao_runtime.core.errors import RaoError


class ConfigError(RaoError):
    """A setting that cannot be used. The message names it, where it came from, its value, and what is allowed."""

    def __init__(self, setting: str, source: str, problem: str) -> None:
        super().__init__(f"{setting} ({source}): {problem}")
        self.setting = setting
        self.source = source
