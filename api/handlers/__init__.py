"""One file per REST resource."""
