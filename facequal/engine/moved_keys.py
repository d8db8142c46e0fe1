"""Keys of experiment files and of the command line that have another name now."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from facequal.engine.inherit import CONFIG_FLAGS

MOVED_KEYS = {
    "data.val_identities": "data.held_out.identities",
    "data.val_pairs": "data.held_out.pairs",
    "data.quality_scores": "data.train_items.quality_scores",
    "data.cpu_augmentation": "data.train_items.cpu_augmentation",
}


def refuse_moved_keys(arguments: Sequence[str]) -> None:
    """Refuse keys that have moved, on the command line and in the configuration files that it names.

    Args:
        arguments: A command line with inherited files in place.

    Raises:
        ValueError: If there is such a key; the message says the new one.

    Example:
        >>> refuse_moved_keys(["fit", "--data.val_pairs=600"])
        Traceback (most recent call last):
        ...
        ValueError: the command line: data.val_pairs has moved, write data.held_out.pairs
    """
    for flag, argument in zip(arguments, [*arguments[1:], ""], strict=True):
        if flag in CONFIG_FLAGS and Path(argument).is_file():
            content = yaml.safe_load(Path(argument).read_text())
            keys, where = [key for key in MOVED_KEYS if _holds(content, key.split("."))], argument
        else:
            keys, where = [flag.partition("=")[0].removeprefix("--").removesuffix("+")], "the command line"
        for key in keys:
            if key in MOVED_KEYS:
                raise ValueError(f"{where}: {key} has moved, write {MOVED_KEYS[key]}")


def _holds(content: Any, path: Sequence[str]) -> bool:
    """Return whether nested dictionaries have a key."""
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True
