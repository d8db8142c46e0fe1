"""Sweeps on this machine, with runs that only pretend: points, their table, and going on."""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from facequal.cli import main
from facequal.cli import sweep as command
from facequal.engine.sweep_file import Sweep, read_sweep

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
        path, config = tmp_path / "sweep.yaml", tmp_path / "a.yaml"
        config.write_text("# expected: not run\ndata: {batch_size: 4}\n")
        text = yaml.safe_dump({key: value for key, value in (GOOD | changes).items() if value is not ...})
        path.write_text(text.replace("a.yaml", str(config)))
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
        if float(given.get("model.x", 0)) < float(given.get("model.least", "-inf")):
            raise RuntimeError("too small")
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
        sweep(write(), "--seed", "3", "--data.batch_size=4")
    assert "in pretend" in (tmp_path / "out" / "point_0005" / "error.txt").read_text()
    for other in (["--seed", "3"], ["--seed", "4", "--data.batch_size=4"]):
        with pytest.raises(SystemExit, match="point 0 was run with other options, files, seed or metric"):
            sweep(write(), *other)
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
    runs.clear()
    # With points that fail, too: what comes after them follows from that, so they are not run again.
    for folder, num in (("whole", ()), ("parts", ("--points", "15")), ("parts", ())):
        with pytest.raises(SystemExit):
            main(["sweep", str(path), "--folder", str(tmp_path / folder), "--model.least=-5", *num])
    assert len(runs) == 80
    keep = ("point", "model.x", "n", "value", "error")
    one, two = ([[row[name] for name in keep] for row in rows(tmp_path / folder)] for folder in ("whole", "parts"))
    assert one == two
    assert any(row[-1] for row in one[:15])


def test_a_point_has_one_device(write: Callable[..., Path]) -> None:
    with pytest.raises(SystemExit, match=r"--trainer\.devices=2: each point runs on one device"):
        sweep(write(), "--trainer.devices=2")


def test_figures_that_are_none(monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]) -> None:
    class Diverged:
        def __init__(self, arguments: Sequence[str]) -> None:
            self.trainer = SimpleNamespace(logged_metrics={"val/x": float("nan")}, callback_metrics={})

    monkeypatch.setattr("facequal.engine.lightning.FaceQualCLI", Diverged)
    with pytest.raises(ValueError, match="val/x is nan"):
        command.figure_of(read_sweep(write()), [])


def test_loggers_of_the_file_are_left_out(write: Callable[..., Path]) -> None:
    given = ["facequal", "fit", "--trainer.logger", "x.WandbLogger", "-c", "a.yaml", "--trainer.logger.y", "z"]
    found = read_sweep(write(command=[*given, "--data.batch_size", "4", "${args}"]))
    assert found.arguments({})[0] == "-c"
    assert found.arguments({})[2:] == ["--data.batch_size", "4"]


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
        ({"parameters": {"a": {"values": 3}}}, "a: values must be a list, got 3"),
        ({"parameters": {"a": {"values": "abc"}}}, "a: values must be a list, got 'abc'"),
        ({"parameters": {"a": {"min": "x", "max": 2}}}, "a: min and max must be numbers, got 'x' and 2"),
        ({"run_cap": "many"}, "run_cap must be a number of points, got 'many'"),
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
