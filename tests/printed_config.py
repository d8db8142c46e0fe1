"""What `--print_config` shows, against the values that were set."""

from typing import Any


def holds(printed: Any, value: Any) -> bool:
    """Whether what is printed is the value; of classes and groups of settings the defaults are printed too."""
    if isinstance(value, dict):
        return isinstance(printed, dict) and all(holds(printed.get(key), item) for key, item in value.items())
    if isinstance(value, list) and isinstance(printed, list):
        return len(printed) == len(value) and all(map(holds, printed, value))
    return bool(printed == value)
