"""Keep what a run leaves behind: one immutable record per config and seed, and where it came from."""
