"""The network and its training. What is imported here is in the environment of `make train` alone."""
