"""The experiment files, and what they come to over those they inherit."""

import copy
from pathlib import Path
from typing import Any

import yaml

from facequal.engine.inherit import with_parents

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
SWEEPS = sorted((EXPERIMENTS / "sweeps").glob("*.yaml"))
FILES = sorted(set(EXPERIMENTS.rglob("*.yaml")) - set(SWEEPS))
LOGGERS = [file for file in FILES if file.parent.name == "loggers"]
OVERLAYS = [file for file in FILES if file.parent.name == "backbones" or file.stem == "released"]
PARTS = [file for file in FILES if file.parent.name == "data" or file.stem.startswith(("base", "recipe"))]
PARTS += LOGGERS + OVERLAYS
STUDIES = [file for file in FILES if yaml.safe_load(file.read_text()).keys() & {"rows", "grid"}]
RUNNABLE = [file for file in FILES if file not in PARTS + STUDIES]


def relative_name(file: Path) -> str:
    return str(file.relative_to(EXPERIMENTS))


def merged(*files: Path) -> dict[str, Any]:
    """Files over those they inherit, the later over the earlier ones, as the command line merges them."""
    result: dict[str, Any] = {}
    for file in files:
        for part in with_parents(file):
            overlay(result, yaml.safe_load(part.read_text()))
    return result


def overlay(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            if value.get("class_path", below[key].get("class_path")) != below[key].get("class_path"):
                below[key] = {}
            overlay(below[key], value)
        else:
            below[key] = copy.deepcopy(value)


def holds(printed: Any, value: Any) -> bool:
    """Whether what is printed is the value; of classes the whole path and the defaults are printed too."""
    if isinstance(value, dict):
        if "class_path" in value and isinstance(printed, dict):
            printed = {**printed, "class_path": printed["class_path"].rpartition(".")[2]}
            value = {**value, "class_path": value["class_path"].rpartition(".")[2]}
        return isinstance(printed, dict) and all(holds(printed.get(key), item) for key, item in value.items())
    if isinstance(value, list) and isinstance(printed, list):
        return len(printed) == len(value) and all(map(holds, printed, value))
    return bool(printed == value)
