"""YAML in which every key of a mapping stands once; apart, because the library loads slowly."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, ScalarNode

_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe loader, which by itself keeps the last of several equal keys."""

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Read a mapping. Raises: ComposerError: a key stands twice."""
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == _MERGE:
                continue
            if (key.tag, key.value) in seen:
                said = f"the key {key.value!r:.60} stands twice"
                raise ComposerError("in a mapping", node.start_mark, said, key.start_mark)
            seen.add((key.tag, key.value))
        return node


def read_yaml(text: str) -> Any:
    """Give what a text says. Raises: YAMLError, ValueError, RecursionError."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
