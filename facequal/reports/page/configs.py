"""What the configurations of runs have in common, and where they differ."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

# Where a run keeps its files and what it draws with, which differ without being settings.
_PATH_KEYS = re.compile(
    r"^trainer\.logger|(^|\.)(seed|seed_everything|default_root_dir|save_dir|dirpath|cache_dir|folder|inherit)$"
)
_PATH = re.compile(r"\S*/\S*")
ABSENT = "–"
"""Stands for the value of a key that a configuration does not have."""


class Differences(NamedTuple):
    """Where configurations differ.

    Attributes:
        settings: Value in YAML by dotted key and run.
        paths: Those keys that hold paths, folders and seeds, likewise.
        num_equal: Number of keys that are the same in all runs.
    """

    settings: dict[str, dict[str, str]]
    paths: dict[str, dict[str, str]]
    num_equal: int


def differences(configs: Mapping[str, Mapping[str, Any]]) -> Differences:
    """Compare configurations key by key.

    Args:
        configs: The configuration of each run by its name.

    >>> differences({"a": {"m": 0.5, "s": 64, "save_dir": "runs/a"}, "b": {"m": 0.4, "s": 64, "save_dir": "runs/b"}})
    Differences(settings={'m': {'a': '0.5', 'b': '0.4'}}, paths={'save_dir': {'a': 'runs/a', 'b': 'runs/b'}},
                num_equal=1)
    """
    flat = {name: flatten(config) for name, config in configs.items()}
    settings: dict[str, dict[str, str]] = {}
    paths: dict[str, dict[str, str]] = {}
    keys = dict.fromkeys(key for config in flat.values() for key in config)
    for key in keys:
        values = {name: as_yaml(config[key]) if key in config else ABSENT for name, config in flat.items()}
        if len(set(values.values())) > 1:
            (paths if _is_path(key, values) else settings)[key] = values
    return Differences(settings, paths, len(keys) - len(settings) - len(paths))


def _is_path(key: str, values: Mapping[str, str]) -> bool:
    """Return whether a key says where something is; whether there is one at all, as of weights, is a setting."""
    return bool(_PATH_KEYS.search(key)) or all(_PATH.fullmatch(value) for value in values.values())


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return values by dotted key; lists of classes by the classes' names, so that another order is no difference.

    >>> flatten({"trainer": {"max_epochs": 4, "callbacks": [{"class_path": "a.Preview", "init_args": {"every": 8}}]}})
    {'trainer.max_epochs': 4, 'trainer.callbacks.Preview.class_path': 'a.Preview',
     'trainer.callbacks.Preview.init_args.every': 8}
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            value = _by_class(value)
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _by_class(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = {}
    for item in items:
        name = str(item.get("class_path", "item")).rpartition(".")[2]
        number = sum(other.partition(" ")[0] == name for other in named)
        named[f"{name} {number + 1}" if number else name] = item
    return named


def as_yaml(value: Any) -> str:
    """Return a value in one line of YAML.

    >>> as_yaml({"m": None, "sizes": [7, 14]})
    '{m: null, sizes: [7, 14]}'
    """
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()
