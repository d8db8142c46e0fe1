"""What the page tells of the runs themselves."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from facequal.reports.page.overview import config_differences, config_section, hardware_section, runs_section
from facequal.reports.page.runs import Run, Seed
from tests.reports.page.made_runs import CONFIG


def run(name: str, *infos: dict[str, Any], config: dict[str, Any] = CONFIG) -> Run:
    seeds = {f"seed_{n}": Seed(Path(name), info=info, config=config, config_text=name) for n, info in enumerate(infos)}
    return Run(name, Path("runs") / name, seeds)


def test_values_of_seeds_are_told_once() -> None:
    common = {"checkpoint": "a.ckpt", "command": "facequal repeat"}
    one = {"seed": 0, "date": "2026-01-02T03:04:05+00:00", **common}
    two = {"seed": 1, "date": "2026-01-03T03:04:05+00:00", "config_hash": "", **common}
    section = runs_section([run("many", one, two), run("bare", {"command": "facequal repeat"})])
    assert section["rows"] == [
        ["many", "runs/many", "0, 1", "2026-01-02 03:04, 2026-01-03 03:04", "a.ckpt", "n/a"],
        ["bare", "runs/bare", "n/a", "n/a", "n/a", "n/a"],
    ]
    assert section["commands"] == {"facequal repeat": ["many", "bare"]}
    assert section["has_seeds"]
    assert not runs_section([run("bare", {})])["has_seeds"]


def test_hardware_has_a_column_per_package() -> None:
    many = run("many", {"versions": {"torch": "2.9"}, "hardware": "GPU"}, {"versions": {"torch": "2.10"}})
    other = run("other", {"versions": {"numpy": "2.0"}}, config={"trainer": {"precision": "bf16-mixed"}})
    odd = run("odd", {"versions": "unknown"}, config={"trainer": None})
    assert hardware_section([many, other, odd]) == {
        "head": [
            *("run", "hardware of the test", "accelerator", "devices", "num_nodes", "precision", "torch", "numpy"),
        ],
        "rows": [
            ["many", "GPU", "cpu", "n/a", "n/a", "n/a", "2.9, 2.10", "n/a"],
            ["other", "n/a", "n/a", "n/a", "n/a", "bf16-mixed", "n/a", "2.0"],
            ["odd", *["n/a"] * 7],
        ],
    }


def runs_with_epochs(*epochs: int) -> list[Run]:
    runs = []
    for number, max_epochs in enumerate(epochs):
        config = deepcopy(CONFIG)
        config["trainer"]["max_epochs"] = max_epochs
        config["seed_everything"] = number
        runs.append(run(f"run{number}", {}, config=config))
    return runs


def test_few_runs_have_a_column_each() -> None:
    runs = runs_with_epochs(4, 4, 8, 4)
    section = config_section([*runs, run("bare", {}, config={})], config_differences(runs))
    assert section["configs"] == {f"run{number}": f"run{number}" for number in range(4)}
    assert section["settings"] == {
        "head": ["setting", "run0", "run1", "run2", "run3"],
        "rows": [["trainer.max_epochs", "4", "4", "8", "4"]],
    }
    assert section["paths"]["rows"] == [["seed_everything", "0", "1", "2", "3"]]
    assert list(map(len, section["differing"][:2])) == [1, 1]
    assert section["differing"].num_equal == 12


@pytest.mark.parametrize(
    ("epochs", "rows"),
    [
        ((4, 8, 4, 4, 4), [("4", ["all others"]), ("8", ["run1"])]),
        # No value is that of most runs.
        ((4, 4, 8, 8, 2), [("4", ["run0", "run1"]), ("8", ["run2", "run3"]), ("2", ["run4"])]),
    ],
)
def test_many_runs_are_named_beside_values(epochs: tuple[int, ...], rows: list[tuple[str, list[str]]]) -> None:
    runs = runs_with_epochs(*epochs)
    settings = config_section(runs, config_differences(runs))["settings"]
    assert settings["head"] == ["setting", "value", "runs"]
    assert settings["rows"] == [["trainer.max_epochs", *row] for row in rows]


def test_runs_without_configurations() -> None:
    runs = [run("bare", {}, config={})]
    section = config_section(runs, config_differences(runs))
    assert (section["configs"], section["differing"]) == ({}, ({}, {}, 0))
