"""Going on: what is done again, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facequal.engine.resume import remove_runs
from tests.engine.pretended import STAGES, study


def test_finished_runs_are_read_and_new_ones_added(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_file(base="experiment.yaml", rows={"a": {"gain": 0.1}})
    folder = study(file, seeds=2)
    assert done == ["base, seed 0", "base, seed 1", "a, seed 0", "a, seed 1"]
    study(file, seeds=2)
    assert len(done) == 4
    assert "0 runs to go" in capsys.readouterr().out

    file = write_file(base="experiment.yaml", rows={"a": {"gain": 0.1}, "b": {"gain": 0.2}})
    (file.parent / "experiment.yaml").write_text("# expected: 79.7\ndata:\n  batch_size: 4 # as in the paper\n")
    study(file, seeds=3)
    assert done[4:] == ["base, seed 2", "b, seed 0", "b, seed 1", "a, seed 2", "b, seed 2"]

    # An unfinished one starts anew.
    unfinished = folder / "rows" / "a" / "seed_1"
    (unfinished / "report" / "results.csv").unlink()
    (unfinished / "old.txt").touch()
    study(file, seeds=3)
    assert done[9:] == ["a, seed 1"]
    assert not (unfinished / "old.txt").exists()


def test_other_settings_are_refused(write_file: Callable[..., Path], done: list[str]) -> None:
    file = write_file(base="experiment.yaml", rows={"a": {"gain": 0.1}, "b": {}})
    folder = study(file)
    with pytest.raises(
        SystemExit, match=r"base.seed_0 holds results of base, seed 0 under other settings; use --fresh"
    ):
        study(file, "--data.batch_size=6")
    other_row = write_file(base="experiment.yaml", rows={"a": {"gain": 0.2}, "b": {}})
    with pytest.raises(SystemExit, match="results of a, seed 0 under other settings"):
        study(other_row)
    assert len(done) == 3

    (folder / "rows" / "notes.txt").touch()
    study(other_row, "--fresh")
    assert done[3:] == ["base, seed 0", "a, seed 0", "b, seed 0"]
    assert (folder / "rows" / "notes.txt").exists()
    # What depends on the base changes with it.
    (file.parent / "experiment.yaml").write_text("data: {batch_size: 8}\n")
    with pytest.raises(SystemExit, match="under other settings"):
        study(other_row, "--only", "a")


def test_a_stage_that_is_made_again_makes_its_rows_old(write_file: Callable[..., Path], done: list[str]) -> None:
    rows: dict[str, Any] = {"a": {}, "b": {"model.from": "${second}/checkpoints/last.ckpt"}}
    file = write_file(stages=STAGES, rows=rows)
    folder = study(file)
    study(file, "--only", "second", "--fresh")
    with pytest.raises(SystemExit, match=r"holds results of b, seed 0 under other settings; use --fresh"):
        study(file)
    study(file, "--only", "b", "--fresh")
    study(file)
    # What is gone is missed before anything is run.
    shutil.rmtree(folder / "rows" / "b")
    (folder / "stages" / "second" / "seed_0" / "checkpoints" / "last.ckpt").unlink()
    done.clear()
    with pytest.raises(SystemExit, match=r"second/seed_0/checkpoints/last\.ckpt, which b, seed 0 needs, is gone"):
        study(file)
    assert done == []


def test_nothing_is_removed_where_one_folder_is_not_of_the_engine(
    write_file: Callable[..., Path], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(rows={"a": {}})
    folder = study(file, seeds=2)
    first, second = (folder / "rows" / "a" / f"seed_{seed}" for seed in range(2))
    shutil.rmtree(second)
    second.mkdir()
    (second / "precious.txt").touch()
    for remove in (lambda: study(file, "--fresh", seeds=2), lambda: remove_runs(iter([first, second]))):
        with pytest.raises((SystemExit, ValueError), match=r"seed_1 was not made by this command"):
            remove()
        assert (first / "report" / "results.csv").is_file()
    (second / "precious.txt").unlink()
    monkeypatch.setenv("LOCAL_RANK", "1")  # the first process removes, not those beside it
    remove_runs([first])
    assert first.is_dir()
    monkeypatch.delenv("LOCAL_RANK")
    remove_runs([first, second, folder / "not there"])
    assert not first.exists()
    assert second.is_dir()


def test_a_base_without_checkpoint(write_file: Callable[..., Path], done: list[str]) -> None:
    folder = study(write_file(base="experiment.yaml", rows={"a": {}}))
    shutil.rmtree(folder / "base" / "seed_0" / "checkpoints")
    study(write_file(base="experiment.yaml", rows={"a": {}}))  # nothing to do that needs it
    with pytest.raises(SystemExit, match=r"base.seed_0 holds no last\.ckpt .*ModelCheckpoint with save_last: true"):
        study(write_file(base="experiment.yaml", rows={"a": {}, "b": {}}))
    assert done == ["base, seed 0", "a, seed 0"]
