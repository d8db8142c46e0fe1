"""What the figures of a run depend on, as a digest."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from facequal.engine.inherit import CONFIG_FLAGS, expand_inherited


def experiment_digest(arguments: Sequence[str]) -> str:
    """Return SHA-256 of a command line, its configuration files taken by their content.

    So are all that these inherit. The content counts as YAML reads it: comments and layout may change, such as the
    figures in a file's header. Other files that the command line names, such as weights, count too; those that a
    configuration names do not.

    Args:
        arguments: A command line of `facequal fit`, without the command.

    Raises:
        FileNotFoundError: If a configuration file does not exist.

    >>> experiment_digest(["--data.batch_size=8"])[:12], experiment_digest(["--data.batch_size=16"])[:12]
    ('918200f73af5', '375ae460b57a')
    """
    parts: list[str] = []
    expanded = iter(expand_inherited(arguments))
    for argument in expanded:
        if argument not in CONFIG_FLAGS:
            parts += [argument, *content_digest(argument.rpartition("=")[2])]
            continue
        file = Path(next(expanded))
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file}")
        parts.append(yaml.safe_dump(yaml.safe_load(file.read_text()), sort_keys=False))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def content_digest(value: str) -> list[str]:
    """Return SHA-256 of a file's content, if the value is the path of one."""
    path = Path(value)
    try:
        return [hashlib.sha256(path.read_bytes()).hexdigest()] if path.is_file() else []
    except (OSError, ValueError):  # any text may stand here, too long or too strange for a path
        return []
