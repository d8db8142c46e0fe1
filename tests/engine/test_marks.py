"""The mark in a run's folder, and folders without one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from facequal.engine.marks import MARK
from tests.engine.pretended import study


def test_a_folder_of_something_else_is_left_alone(write_file: Callable[..., Path], done: list[str]) -> None:
    file = write_file(rows={"a": {}})
    precious = file.parent / "out" / "rows" / "a" / "seed_0" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.touch()
    for options in ([], ["--fresh"]):
        with pytest.raises(SystemExit, match="was not made by this command"):
            study(file, *options)
    assert precious.exists()
    assert not done


def test_the_mark_names_the_run(write_file: Callable[..., Path], done: list[str]) -> None:
    folder = study(write_file(rows={"a b": {}}), "--first_seed", "2")
    mark = json.loads((folder / "rows" / "a_b" / "seed_2" / MARK).read_text())
    assert (mark["row"], mark["seed"]) == ("a b", 2)
    assert len(mark["digest"]) == 64
