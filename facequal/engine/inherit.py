"""Experiment files that build on others."""

from collections.abc import Sequence
from pathlib import Path

import yaml

CONFIG_FLAGS = ("-c", "--config")


def expand_inherited(arguments: Sequence[str]) -> list[str]:
    """Put the files that a configuration inherits in front of it: `-c child` becomes `-c parent -c child`.

    A file names its parents under the top-level key `inherit`, relative to itself, the later ones winning; the file
    itself wins over them, and what follows on the command line over all. Dictionaries merge and lists replace, as
    with several `-c`.

    Args:
        arguments: A command line.

    Raises:
        FileNotFoundError: If a parent does not exist; the message names the file that inherits it.
        ValueError: If a file is no YAML, `inherit` is not a list of paths, or a file inherits itself.

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name, text in (("base", "a: 1"), ("child", "inherit: [base.yaml]")):
    ...     _ = Path(folder.name, f"{name}.yaml").write_text(text)
    >>> [os.path.basename(argument) for argument in expand_inherited(["-c", f"{folder.name}/child.yaml", "--b=2"])]
    ['-c', 'base.yaml', '-c', 'child.yaml', '--b=2']
    >>> folder.cleanup()
    """
    expanded: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        flag, equals, value = argument.partition("=")
        if flag not in CONFIG_FLAGS:
            expanded.append(argument)
            continue
        path = value if equals else next(remaining, "")
        for file in with_parents(Path(path)) if Path(path).is_file() else [Path(path)]:
            expanded += [flag, str(file)]
    return expanded


def with_parents(path: Path, children: tuple[Path, ...] = ()) -> list[Path]:
    """Return a configuration file behind all those it inherits, in the order in which they apply.

    Args:
        path: The file.
        children: Files that inherit it, on the way to it.

    Raises:
        FileNotFoundError: If a parent does not exist.
        ValueError: If a file is no YAML, `inherit` is not a list of paths, or a file inherits itself.
    """
    if path.resolve() in children:
        raise ValueError(f"{path}: inherits itself")
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: is no YAML: {error}") from error
    parents = content.get("inherit", []) if isinstance(content, dict) else []
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise ValueError(f"{path}: `inherit` must be a list of paths, got {parents!r}")
    files: list[Path] = []
    for parent in parents:
        file = path.parent / parent
        if not file.is_file():
            raise FileNotFoundError(f"{path}: inherits {parent}, but there is no file {file}")
        files += with_parents(file, (*children, path.resolve()))
    return [*files, path]
