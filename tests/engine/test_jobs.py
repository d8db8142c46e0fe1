"""Runs that fail, that depend on such, and that are stopped, one after another and side by side."""

import math
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from facequal.engine.jobs import logged_figure, one_after_another, side_by_side
from facequal.engine.plan import Run
from tests.engine.pretended import COLUMN, DEMO, STAGES, TINY, study


def test_an_early_end_stops_the_workers(tmp_path: Path) -> None:
    earlier = set(multiprocessing.active_children())
    quick = Run("quick", 0, tmp_path / "quick", (), base=Run("base", 0, tmp_path / "gone", ()))
    long = Run("long", 0, tmp_path / "long", ("-c", str(DEMO), "-c", str(TINY), "--trainer.max_epochs=100000"))
    outcomes = side_by_side([quick, long], jobs=2)
    first = next(outcomes)
    assert first.run == quick
    assert "holds no last.ckpt" in str(first.error)
    assert set(multiprocessing.active_children()) - earlier
    outcomes.close()
    assert not set(multiprocessing.active_children()) - earlier
    assert not long.is_finished


def test_the_others_go_on_when_a_run_fails(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_file(columns=[COLUMN], rows={"a": {"fails": True}, "b": {"gain": 0.1}})
    with pytest.raises(SystemExit) as stop:
        study(file)
    assert stop.value.code == 1
    assert done == ["a, seed 0", "b, seed 0"]
    log = file.parent / "out" / "rows" / "a" / "seed_0" / "log.txt"
    assert "Traceback" in log.read_text()
    out = capsys.readouterr().out
    assert f"failed: a, seed 0: RuntimeError: it does not work; see {log}" in out
    assert "b, seed 0: 0 s, 60.00 (set, cross-resolution, 7 px); 0 to go" in out
    table = out[out.index(" row ") :]
    assert [line.split() for line in table.splitlines()[2:4]] == [
        ["set", "a", "n/a"],
        ["cross-resolution", "b", "60.00"],
    ]
    assert "Fractions in percent, of one seed." in " ".join(table.split())
    assert "- a, seed 0: RuntimeError" in (file.parent / "out" / "summary.md").read_text()

    # It is done again next time, alone.
    with pytest.raises(SystemExit):
        study(file)
    assert done[2:] == ["a, seed 0"]


def test_rows_of_a_base_that_failed_are_not_done(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_file(base="experiment.yaml", rows={"a": {}, "b": {}})
    with pytest.raises(SystemExit) as stop:
        study(file, "--model.fails=1")
    assert stop.value.code == 1
    assert done == ["base, seed 0"]
    out = capsys.readouterr().out
    assert "a, seed 0: not done, since a run it needs has failed; 1 to go" in out
    assert "no run has results" in out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_failed_stage_would_have_given_is_not_done(
    jobs: str,
    write_file: Callable[..., Path],
    done: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Threads in place of processes, which would not know what is only pretended.
    monkeypatch.setattr("facequal.engine.jobs.ProcessPoolExecutor", lambda jobs, **options: ThreadPoolExecutor(jobs))
    monkeypatch.setattr("facequal.engine.jobs.redirect_output", lambda log: None)
    stages = STAGES | {"first": {"config": "experiment.yaml", "fails": 1}}
    file = write_file(stages=stages, rows={"a": {"gain": 0.1}, "b": {"model.from": "${second}"}})
    with pytest.raises(SystemExit) as stop:
        study(file, "--jobs", jobs)
    assert stop.value.code == 1
    assert sorted(done) == ["a, seed 0", "first, seed 0", "other, seed 0"]
    out = capsys.readouterr().out
    assert "second, seed 0: not done, since a run it needs has failed" in out
    assert "b, seed 0: not done, since a run it needs has failed" in out
    assert "failed: first, seed 0: RuntimeError: it does not work" in out


def test_the_figure_of_a_metric() -> None:
    trainer = SimpleNamespace(logged_metrics={"val/x": 1.0, "val/nan": math.nan}, callback_metrics={"test/x": 2.0})
    assert (logged_figure(trainer, "val/x"), logged_figure(trainer, "test/x")) == (1, 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="val/nan is nan"):
        logged_figure(trainer, "val/nan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has logged no val/y; there are test/x, val/nan, val/x"):
        logged_figure(trainer, "val/y")  # type: ignore[arg-type]


def test_runs_may_be_drawn_from_what_those_before_have_left(tmp_path: Path, done: list[str]) -> None:
    first, second = (Run(name, 0, tmp_path / name, ()) for name in ("a", "b"))

    def drawn() -> Iterator[Run]:
        yield first
        assert first.is_finished
        yield second

    assert [outcome.error for outcome in one_after_another(drawn())] == [None, None]
    assert done == ["a, seed 0", "b, seed 0"]
