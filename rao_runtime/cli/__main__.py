"""`python -m rao_runtime.cli`: the same as `rao`."""

from rao_runtime.cli.app import main

if __name__ == "__main__":
    main()
