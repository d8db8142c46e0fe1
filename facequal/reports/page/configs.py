"""What the configurations of runs have in common, and where they differ."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

# Where a run keeps its files and what it draws with, which differ without being settings.
_PLACE = re.compile(
    r"^trainer\.logger|(^|\.)(seed|seed_everything|default_root_dir|save_dir|dirpath|cache_dir|folder|inherit)$"
)
_PATH = re.compile(r"\S*/\S*")
ABSENT = "–"


class Differences(NamedTuple):
    """Where configurations differ.

    Attributes:
        settings: Values as YAML by dotted key and run.
        places: The same of paths, folders and seeds.
        num_equal: Number of keys that are the same in all runs.
    """

    settings: dict[str, dict[str, str]]
    places: dict[str, dict[str, str]]
    num_equal: int


def differences(configs: Mapping[str, Mapping[str, Any]]) -> Differences:
    """Compare configurations key by key.

    Args:
        configs: The configuration of each run by its name.
    """
    flat = {name: flatten(config) for name, config in configs.items()}
    settings: dict[str, dict[str, str]] = {}
    places: dict[str, dict[str, str]] = {}
    keys = dict.fromkeys(key for values in flat.values() for key in values)
    for key in keys:
        values = {name: as_yaml(own[key]) if key in own else ABSENT for name, own in flat.items()}
        if len(set(values.values())) > 1:
            (places if _is_place(key, values) else settings)[key] = values
    return Differences(settings, places, len(keys) - len(settings) - len(places))


def _is_place(key: str, values: Mapping[str, str]) -> bool:
    """Return whether a key says where something is.

    Whether there is such a file at all, as of weights, is a setting.
    """
    return bool(_PLACE.search(key)) or all(_PATH.fullmatch(value) for value in values.values())


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return values by dotted key; lists of classes by the names of the classes, so that another order is no difference."""
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
    """Return a value in one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()
