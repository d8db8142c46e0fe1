"""Reading the YAML files of studies and sweeps."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice: of two entries of one name the first would vanish without a word.

    >>> yaml.load("lr: 5e-4", StrictLoader)
    {'lr': 0.0005}
    >>> yaml.load("rows: {a: 1, a: 2}", StrictLoader)
    Traceback (most recent call last):
    ValueError: line 1: 'a' is given twice
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return a mapping, each key once; what is merged into it comes later."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(str(key.value))
        return node


# Experiments are read with 5e-4 as a number, which YAML 1.1 takes for text.
StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_mapping(path: Path, keys: Sequence[str]) -> dict[Any, Any]:
    """Return the content of a YAML file that must be a mapping with these keys; which of them are there is not checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is something else, or a key is given twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must be a mapping with the keys {', '.join(keys)}, got {content!r}")
    return content
