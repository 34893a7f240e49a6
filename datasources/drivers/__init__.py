"""One file per driver, found by entry point."""
