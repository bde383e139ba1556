"""Talks to the outside: journals, replicas, sandboxes, the system clock."""
