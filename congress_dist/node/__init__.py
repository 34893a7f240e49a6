"""The parts of a running `DseNode`: its loop, its threads, its calls, its streams and sources."""
