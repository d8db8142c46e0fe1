"""Sweeps on this machine, with runs that only pretend: points, their table, and going on."""

import csv
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from facequal.cli import main
from facequal.engine.plan import Run
from tests.engine.pretended import DEMO, TINY
from tests.engine.sweep_files import RANGES


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Options of the runs that were done; the figure is (x - 1)^2 where there is an x."""
    done: list[dict[str, str]] = []

    def pretend(run: Run, as_worker: bool) -> float:
        arguments = [argument for argument in run.command_line() if "=" in argument]
        given = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
        done.append(given)
        if given.get("model.b") == "two" and given["model.a"] == "null":
            raise RuntimeError("out of\nluck")
        if float(given.get("model.x", 0)) < float(given.get("model.least", "-inf")):
            raise RuntimeError("too small")
        return (float(given.get("model.x", 0)) - 1) ** 2 + float(given.get("model.a", "0").replace("null", "0"))

    monkeypatch.setattr("facequal.engine.jobs.train_and_test", pretend)
    monkeypatch.setattr("facequal.engine.jobs.gc.collect", lambda: 0)
    return done


def sweep(path: Path, *options: str) -> list[dict[str, str]]:
    folder = path.parent / "out"
    main(["sweep", str(path), "--folder", str(folder), *options])
    return rows(folder)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_old_names_are_found_before_anything_is_removed(
    write_sweep: Callable[..., Path], runs: list[dict[str, str]], tmp_path: Path
) -> None:
    sweep(write_sweep(parameters={"model.a": {"value": 1}}))
    changes = ({"parameters": {"model.a": {"values": [2, "facequal.frozen.FaceEmbedder"]}}}, {})
    for changed, options in zip(changes, ([], ["--data.val_pairs=3"]), strict=True):
        with pytest.raises(SystemExit, match=r"the command line:\n  .* is now "):
            sweep(write_sweep(**changed), "--fresh", *options)
    assert (tmp_path / "out" / "point_0000").is_dir()
    assert len(runs) == 1


def test_a_grid_is_run_whole_and_goes_on(
    write_sweep: Callable[..., Path], runs: list[dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as stop:  # one point has no luck
        sweep(write_sweep(), "--seed", "3", "--data.batch_size=4")
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
        sweep(write_sweep(), "--seed", "3", "--data.batch_size=4")
    assert "in pretend" in (tmp_path / "out" / "point_0005" / "log.txt").read_text()
    for other in (["--seed", "3"], ["--seed", "4", "--data.batch_size=4"]):
        with pytest.raises(
            SystemExit,
            match=r"point_0000 holds results of point 0, seed . under other settings; use --fresh",
        ):
            sweep(write_sweep(), *other)
    assert [(run["model.a"], run["model.b"]) for run in runs] == [("null", "two")]  # what failed is run again
    with pytest.raises(SystemExit, match="under other settings"):
        sweep(write_sweep(parameters={"z": {"value": 1}}))
    runs.clear()
    (row,) = sweep(write_sweep(parameters={"z": {"value": 1}}), "--fresh")
    assert (row["point"], row["value"], row["z"], len(runs)) == ("0", "1.0", "1", 1)
    assert [path.name for path in (tmp_path / "out").glob("point_*")] == ["point_0000"]


def test_random_points_are_those_of_the_seed(write_sweep: Callable[..., Path], runs: list[dict[str, str]]) -> None:
    path = write_sweep(method="random", parameters=RANGES, run_cap=40)
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
    with pytest.raises(SystemExit, match="point 0, seed 2 under other settings"):
        sweep(path, "--seed", "2")


def test_bayes_finds_the_minimum_and_goes_on_as_it_would_have(
    write_sweep: Callable[..., Path], runs: list[dict[str, str]], tmp_path: Path
) -> None:
    parameters = {"model.x": {"min": -9.0, "max": 9.0}, "n": {"values": [1, 2]}}
    path = write_sweep(method="bayes", parameters=parameters, run_cap=40)
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


def test_a_point_has_one_device(write_sweep: Callable[..., Path]) -> None:
    with pytest.raises(SystemExit, match=r"--trainer\.devices=2: each point runs on one device"):
        sweep(write_sweep(), "--trainer.devices=2")


def test_random_points_go_on(write_sweep: Callable[..., Path], runs: list[dict[str, str]]) -> None:
    path = write_sweep(method="random", parameters=RANGES, run_cap=6)
    whole = sweep(path)
    shutil.rmtree(path.parent / "out" / "point_0002")
    runs.clear()
    again = sweep(path, "--points", "4")  # the two beyond that are there, and stay in the table
    assert len(runs) == 1
    assert [without_time(row) for row in again] == [without_time(row) for row in whole]


def without_time(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name != "seconds"}


@pytest.mark.usefixtures("runs")
def test_optuna_is_needed_to_draw_points(write_sweep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    for method in ("random", "bayes"):
        with pytest.raises(SystemExit, match=rf"a {method} search needs Optuna: pip install 'facequal\[sweeps\]'"):
            sweep(write_sweep(method=method, parameters=RANGES, run_cap=2))
    assert len(sweep(write_sweep(parameters={"c": {"values": [1, 2]}}))) == 2


def test_a_search_has_an_end(write_sweep: Callable[..., Path]) -> None:
    with pytest.raises(SystemExit, match="a random search has no end: give --points, or run_cap in the file"):
        sweep(write_sweep(method="random"), "--fresh")


def test_a_folder_of_something_else_is_left_alone(write_sweep: Callable[..., Path], runs: list[dict[str, str]]) -> None:
    path = write_sweep()
    precious = path.parent / "out" / "point_0001" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.touch()
    for options in ([], ["--fresh"]):
        with pytest.raises(SystemExit, match="point_0001 was not made by this command"):
            sweep(path, *options)
    assert precious.exists()
    assert not runs


def test_a_point_is_fitted_and_its_metric_read(write_sweep: Callable[..., Path], tmp_path: Path) -> None:
    command = ["facequal", "fit", "-c", str(DEMO), "-c", str(TINY), "${args}"]
    parameters = {"data.batch_size": {"values": [4]}, "model.init_args.nonsense": {"values": [0]}}
    metric = {"name": "train/loss", "goal": "minimize"}
    with pytest.raises(SystemExit):
        sweep(write_sweep(command=command, metric=metric, parameters=parameters))
    (row,) = rows(tmp_path / "out")
    assert row["error"].startswith('TypeError: Parser key "model": ')
    assert row["value"] == ""
    assert "nonsense" in (tmp_path / "out" / "point_0000" / "log.txt").read_text()
    parameters.popitem()
    (row,) = sweep(write_sweep(command=command, metric=metric, parameters=parameters))
    logged = pd.read_csv(tmp_path / "out" / "point_0000" / "metrics.csv")["train/loss"].dropna()
    assert float(row["value"]) == pytest.approx(logged.iloc[-1], rel=1e-4)
