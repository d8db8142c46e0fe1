"""The check of an argument that takes one of a few words."""

from typing import Any, get_args


def require_choice(name: str, value: str, choices: Any) -> None:
    """Refuse a word that is not among those of a `Literal`: Python callers have no parser that would.

    Args:
        name: Of the argument, for the message.
        value: Its value.
        choices: A `Literal` type.

    Raises:
        ValueError: If the value is none of them.

    >>> from typing import Literal
    >>> require_choice("rule", "most", Literal["grid", "exact"])
    Traceback (most recent call last):
    ValueError: rule must be one of ('grid', 'exact'), got 'most'
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {get_args(choices)}, got {value!r}")
