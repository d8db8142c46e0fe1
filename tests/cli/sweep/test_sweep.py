"""Sweeps on this machine, with runs that only pretend: points, their table, and going on."""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from facequal.cli import main
from facequal.cli.sweep import command
from facequal.cli.sweep.file import Sweep, read_sweep

GOOD: dict[str, Any] = {
    "program": "facequal",
    "command": ["facequal", "fit", "-c", "a.yaml", "--trainer.logger=x.WandbLogger", "--trainer.logger.y=z", "${args}"],
    "method": "grid",
    "metric": {"name": "val/x", "goal": "minimize"},
    "parameters": {"model.a": {"values": [1, 2.5, None]}, "model.b": {"values": ["one", "two"]}, "c": {"value": True}},
}
RANGES = {"model.x": {"min": -1.0, "max": 3.0}, "n": {"min": 1, "max": 4}, "lr": {"min": 1e-4, "max": 1.0}}
RANGES["lr"]["distribution"] = "log_uniform_values"  # type: ignore[assignment]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        path = tmp_path / "sweep.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in (GOOD | changes).items() if value is not ...}))
        return path

    return write


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Options of the runs that were done; the figure is (x - 1)^2 where there is an x."""
    done: list[dict[str, str]] = []

    def pretend(sweep: Sweep, arguments: Sequence[str]) -> float:
        given = dict(argument.removeprefix("--").split("=", 1) for argument in arguments if "=" in argument)
        done.append(given)
        if given.get("model.b") == "two" and given["model.a"] == "null":
            raise RuntimeError("out of\nluck")
        return (float(given.get("model.x", 0)) - 1) ** 2 + float(given.get("model.a", "0").replace("null", "0"))

    monkeypatch.setattr(command, "figure_of", pretend)
    return done


def sweep(path: Path, *options: str) -> list[dict[str, str]]:
    folder = path.parent / "out"
    main(["sweep", str(path), "--folder", str(folder), *options])
    return rows(folder)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_grid_is_run_whole_and_goes_on(
    write: Callable[..., Path], runs: list[dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as stop:  # one point has no luck
        sweep(write(), "--seed", "3", "--data.batch_size=4")
    assert stop.value.code == 1
    assert len(runs) == 6
    assert runs[0]["model.a"] == "1"
    assert (runs[0]["c"], runs[0]["data.batch_size"], runs[0]["seed_everything"]) == ("true", "4", "3")
    assert runs[4]["model.a"] == "null"
    assert runs[0]["trainer.logger"] == "lightning.pytorch.loggers.CSVLogger"
    found = rows(tmp_path / "out")
    assert [row["model.b"] for row in found] == ["one", "two"] * 3
    assert [row["error"] for row in found] == [""] * 5 + ["RuntimeError: out of luck"]
    assert [float(row["value"]) for row in found[:5]] == [2, 2, 3.5, 3.5, 1]
    assert "best: point 4, val/x 1.0000" in capsys.readouterr().out
    runs.clear()
    with pytest.raises(SystemExit):
        sweep(write(), "--seed", "3")
    assert [(run["model.a"], run["model.b"]) for run in runs] == [("null", "two")]  # what failed is run again
    with pytest.raises(SystemExit, match="is of a sweep over other parameters: give another --folder"):
        sweep(write(parameters={"z": {"value": 1}}))


def test_random_points_are_those_of_the_seed(write: Callable[..., Path], runs: list[dict[str, str]]) -> None:
    path = write(method="random", parameters=RANGES, run_cap=40)
    found = sweep(path, "--points", "5", "--seed", "1")
    assert len(found) == 5
    longer = sweep(path, "--seed", "1")
    assert len(longer) == len(runs) == 40
    assert longer[:5] == found
    x, n, lr = ([float(run[name]) for run in runs] for name in ("model.x", "n", "lr"))
    assert -1 <= min(x) < 0 < 2 < max(x) <= 3
    assert set(n) == {1, 2, 3, 4}
    assert 1e-4 <= min(lr) < 1e-3
    assert 0.3 < sum(value < 1e-2 for value in lr) / len(lr) < 0.7  # as many below as above, in orders of magnitude
    with pytest.raises(SystemExit, match=r"point 0 is another one: give another --folder, or the same --seed"):
        sweep(path, "--seed", "2")


def test_bayes_finds_the_minimum_and_goes_on_as_it_would_have(
    write: Callable[..., Path], runs: list[dict[str, str]], tmp_path: Path
) -> None:
    parameters = {"model.x": {"min": -9.0, "max": 9.0}, "n": {"values": [1, 2]}}
    path = write(method="bayes", parameters=parameters, run_cap=40)
    whole = sweep(path)
    values = [float(row["value"]) for row in whole]
    assert min(values) < 0.5
    assert sorted(values[20:])[10] < sorted(values[:20])[10]  # it has learnt where to look
    main(["sweep", str(path), "--folder", str(tmp_path / "parts"), "--points", "15"])
    main(["sweep", str(path), "--folder", str(tmp_path / "parts")])
    keep = ("point", "model.x", "n", "value")
    assert [[row[name] for name in keep] for row in rows(tmp_path / "parts")] == [
        [row[name] for name in keep] for row in whole
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": ["python", "x.py"]}, r"command must be \[facequal, \.\.\.\], got \['python', 'x\.py'\]"),
        ({"method": "hyperband"}, "method must be one of"),
        ({"metric": {"name": "x"}}, "metric must be a name and a goal"),
        ({"metric": {"name": "x", "goal": "best"}}, "goal must be maximize or minimize, got 'best'"),
        ({"parameters": ...}, "parameters must be a mapping of dotted keys, got None"),
        ({"parameters": {"a": 3}}, "parameters: a must be a mapping"),
        ({"parameters": {"a": {"min": 1}}}, "parameters: a needs values, value, or min and max"),
        ({"parameters": {"a": {"min": 2, "max": 1}}}, "parameters: a: no range from 2 to 1"),
        ({"parameters": {"a": {"min": 1, "max": 2, "distribution": "normal"}}}, "distribution 'normal' is not known"),
        ({"parameters": RANGES}, r"a grid needs values, but lr has a range"),
        ({"method": "random"}, "a random search has no end: give --points"),
    ],
)
def test_files_that_are_wrong(changes: dict[str, Any], message: str, write: Callable[..., Path]) -> None:
    with pytest.raises(SystemExit, match=message):
        sweep(write(**changes))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no file"):
        main(["sweep", str(tmp_path / "gone.yaml")])


def test_ranges_of_whole_numbers(write: Callable[..., Path]) -> None:
    (parameter,) = read_sweep(write(method="random", parameters={"n": {"min": 3, "max": 5}})).parameters
    assert [parameter.draw(u) for u in (0.0, 0.34, 0.99)] == [3, 4, 5]
    assert math.isclose(parameter.low, 3)
