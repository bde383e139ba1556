"""Pure ASGI, one class a file."""
