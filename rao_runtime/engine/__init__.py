"""Does: runs trees of nodes over the ports. Knows no Redis, HTTP or sandbox of a particular kind."""
