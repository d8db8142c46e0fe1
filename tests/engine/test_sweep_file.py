"""The file of a sweep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FixedTrial

from facequal.engine.sweep_file import read_sweep


def test_loggers_of_the_file_are_left_out(write_sweep: Callable[..., Path]) -> None:
    given = ["facequal", "fit", "--trainer.logger", "x.WandbLogger", "-c", "a.yaml", "--trainer.logger.y", "z"]
    found = read_sweep(write_sweep(command=[*given, "--data.batch_size", "4", "${args}"]))
    assert found.arguments()[0] == "-c"
    assert found.arguments()[2:] == ["--data.batch_size", "4"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises((FileNotFoundError, ValueError), match="there is no file"):
        read_sweep(tmp_path / "gone.yaml")


def test_ranges_of_whole_numbers(write_sweep: Callable[..., Path]) -> None:
    (parameter,) = read_sweep(write_sweep(method="random", parameters={"n": {"min": 3, "max": 5}})).parameters
    assert [parameter.suggest(FixedTrial({"n": n})) for n in (3, 5)] == [3, 5]
    assert (parameter.distribution, parameter.low, parameter.high) == ("int_uniform", 3, 5)


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
        ({"parameters": {"a": {"values": 3}}}, "a: values must be a list, got 3"),
        ({"parameters": {"a": {"values": "abc"}}}, "a: values must be a list, got 'abc'"),
        ({"parameters": {"a": {"min": "x", "max": 2}}}, "a: min and max must be numbers, got 'x' and 2"),
        ({"run_cap": "many"}, "run_cap must be a number of points, got 'many'"),
    ],
)
def test_files_that_are_wrong(changes: dict[str, Any], message: str, write_sweep: Callable[..., Path]) -> None:
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read_sweep(write_sweep(**changes))
