"""Things to try, and to start from."""
