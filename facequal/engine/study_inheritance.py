"""The content of a study's file, with what it inherits from others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facequal.engine.yaml_files import read_mapping

KEYS = ("inherit", "title", "base", "stages", "config", "control", "columns", "rows", "grid")


def read_inherited(path: Path, followed: tuple[Path, ...] = ()) -> dict[Any, Any]:
    """Return the content of a study's file, laid over those that it inherits: stages and rows key by key.

    Experiments that are named are paths afterwards, since each file names them from its own folder.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no mapping, has an unknown key, or inherits itself.
    """
    if path.resolve() in followed:
        raise ValueError(f"{path}: inherits itself")
    content = read_mapping(path, KEYS)
    unknown = [str(key) for key in content if key not in KEYS]
    if unknown:
        raise ValueError(f"{path}: unknown key {', '.join(unknown)}; there are {', '.join(KEYS)}")
    parents = content.pop("inherit", [])
    if not isinstance(parents, list):
        raise ValueError(f"{path}: inherit must be a list of studies, got {parents!r}")
    result: dict[Any, Any] = {}
    for name in parents:
        parent = named_file(path, "inherit", name)
        lay_over(result, read_inherited(parent, (*followed, path.resolve())))
    lay_over(result, with_files(path, content))
    return result


def lay_over(below: dict[Any, Any], above: Mapping[Any, Any]) -> None:
    """Set what a file says; of stages and rows that both name, key by key."""
    for key, value in above.items():
        before = below.get(key)
        if key not in ("stages", "rows") or not isinstance(before, dict) or not isinstance(value, dict):
            below[key] = value
            continue
        below[key] = before | {
            name: before[name] | row if isinstance(before.get(name), dict) and isinstance(row, dict) else row
            for name, row in value.items()
        }


def with_files(path: Path, content: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the content of a file with the experiments that it names as paths.

    Raises:
        FileNotFoundError: If one does not exist.
        ValueError: If one is no path.
    """
    result = dict(content)
    for key in ("base", "config"):
        if result.get(key) is not None:
            result[key] = named_file(path, key, result[key])
    for key, what in (("stages", "stage"), ("rows", "row")):
        if isinstance(result.get(key), dict):
            result[key] = {
                name: row | {"config": named_file(path, f"{what} {name}: config", row["config"])}
                if isinstance(row, dict) and "config" in row
                else row
                for name, row in result[key].items()
            }
    return result


def named_file(path: Path, key: str, value: object) -> Path:
    """Return the file that `key` names, relative to the study's."""
    if not isinstance(value, str):
        what = "a study" if key == "inherit" else "an experiment"
        raise ValueError(f"{path}: {key} must be the path of {what}, got {value!r}")
    file = path.parent / value
    if not file.is_file():
        raise FileNotFoundError(f"{path}: {key} is {value}, but there is no file {file}")
    return file
