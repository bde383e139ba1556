"""The command line: `rao`. All commands but `serve` and `simulate` speak HTTP only, to any server."""
