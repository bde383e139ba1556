"""A stand-in for a vLLM server: real HTTP, no weights. For tests, benchmarks and `rao simulate`."""
