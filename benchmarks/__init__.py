"""Speed and size, measured through the real path: a server, a stand-in replica and a client, each a process."""
