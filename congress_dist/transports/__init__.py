"""How bytes travel between nodes: `uds://`, `rabbit://`, and the seal around what they carry."""
