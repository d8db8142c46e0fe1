"""The points of a grid, and what its rows are called."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any


def grid_points(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the product of the values by dotted key, the last key changing fastest.

    >>> grid_points({"lr": [0.1, 0.2], "data.batch_size": [8, 16]})[:2]
    [{'lr': 0.1, 'data.batch_size': 8}, {'lr': 0.1, 'data.batch_size': 16}]
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())] if grid else []


def row_name(overrides: Mapping[str, Any]) -> str:
    """Return values by dotted key as a name.

    >>> row_name({"model.init_args.margin": 25, "data.batch_size": 64})
    'margin=25, batch_size=64'
    """
    names = short_names(overrides)
    return ", ".join(f"{names[key]}={in_words(value)}" for key, value in overrides.items())


def short_names(keys: Mapping[str, object]) -> dict[str, str]:
    """Return the last part of each dotted key, or the whole key where the last parts are equal.

    >>> short_names({"a.margin": [1], "b.margin": [2], "data.batch_size": [8]})
    {'a.margin': 'a.margin', 'b.margin': 'b.margin', 'data.batch_size': 'batch_size'}
    """
    last = [key.rpartition(".")[2] for key in keys]
    return {key: key if last.count(part) > 1 else part for key, part in zip(keys, last, strict=True)}


def in_words(value: object) -> str:
    """Return a value as names show it: text as it is, lists as `[a, b]`, the rest as JSON.

    >>> in_words(["hhh", 0.5, None])
    '[hhh, 0.5, null]'
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(in_words(item) for item in value)}]"
    return json.dumps(value)
