"""The HTTP gateway: parse, call the runtime, render."""
