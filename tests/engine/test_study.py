"""Studies, in process: most with runs that only pretend, two of them with tiny ones that train."""

import json
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from facequal.cli import main
from facequal.cli.study import FIT_KEYS, top_key
from facequal.engine import jobs as study_jobs
from facequal.engine.jobs import side_by_side
from facequal.engine.plan import MARK, Run, is_first_process, last_checkpoint, plan_runs
from facequal.engine.study_file import read_study
from facequal.engine.study_inheritance import KEYS
from facequal.reports.results import Result, write_results

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "experiments" / "demo" / "adaface.yaml"
TINY = ROOT / "tests" / "conf" / "tiny.yaml"
COLUMN = ["set", "cross-resolution", "7 px"]
LR = "model.init_args.optimizer.init_args.lr"


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    def write(**content: Any) -> Path:
        (tmp_path / "experiment.yaml").write_text("# expected: not run\ndata: {batch_size: 4}\n")
        path = tmp_path / "lrs.yaml"
        path.write_text(yaml.safe_dump({"config": "experiment.yaml"} | content, sort_keys=False))
        return path

    return write


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were done; they only pretend. The figure is .5 + .01 seed + the row's `gain`."""
    names: list[str] = []

    def pretend(run: Run, as_worker: bool) -> None:
        names.append(run.name)
        values = dict(argument.split("=", 1) for argument in run.command_line() if argument.startswith("--"))
        if {"--fails", "--model.fails"} & values.keys():
            raise RuntimeError("it does not\nwork")
        if "--interrupted" in values:
            raise KeyboardInterrupt
        if "--interrupted-in-lightning" in values:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt:
                raise SystemExit(1)  # noqa: B904 - without a cause, as Lightning does it
        (run.folder / "checkpoints").mkdir()
        (run.folder / "checkpoints" / "last.ckpt").touch()
        if run.is_stage:
            return
        value = 0.5 + 0.01 * run.seed + float(values.get("--gain", 0))
        results = [Result(*COLUMN, "accuracy", value, rule="exact", seed=run.seed)]
        results.append(Result("set", "cross-resolution", "14 px", "accuracy", value + 0.1, rule="exact", seed=run.seed))
        write_results(run.folder / "report" / "results.csv", results)

    monkeypatch.setattr(study_jobs, "train_and_test", pretend)
    monkeypatch.setattr(study_jobs.gc, "collect", lambda: 0)  # there is nothing to collect, and much to look through
    return names


def study(file: Path, *options: str, seeds: int = 1) -> Path:
    folder = file.parent / "out"
    main(["study", str(file), "--seeds", str(seeds), "--folder", str(folder), *options])
    return folder


def test_rows_start_from_the_base_of_their_seed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lrs.yaml"
    content = {"base": str(DEMO), "config": str(DEMO), "rows": {"slow rate": {LR: 1.0e-6}}}
    file.write_text(yaml.safe_dump({"title": "Rates"} | content))
    folder = study(file, "-c", str(TINY), "--first-seed", "3")

    base, row = folder / "base" / "seed_3", folder / "rows" / "slow_rate" / "seed_3"
    config = yaml.safe_load((row / "config.yaml").read_text())
    assert config["seed_everything"] == 3
    assert config["model"]["init_args"]["weights"] == str(base / "checkpoints" / "last.ckpt")
    assert config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 1e-6
    assert yaml.safe_load((base / "config.yaml").read_text())["model"]["init_args"]["weights"] is None
    # One step at such a rate leaves the weights of the base where they were.
    states = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (base, row)]
    names = [name for name, _ in states[0].items() if name.startswith("backbone.") and name.endswith("weight")]
    assert names
    for name in names:
        torch.testing.assert_close(states[0][name], states[1][name], atol=1e-4, rtol=0)

    summary = pd.read_csv(folder / "summary.csv")
    same = ["protocol", "condition", "column", "metric"]
    before, after = (pd.read_csv(run / "report" / "results.csv").set_index(same)["value"] for run in (base, row))
    rows = summary[summary["row"] == "slow rate"].set_index(same)
    pd.testing.assert_series_equal(rows["mean"], after, check_names=False)
    pd.testing.assert_series_equal(rows["delta_mean"], after - before, check_names=False)
    assert json.loads(rows["overrides"].iloc[0]) == {LR: 1e-6}
    printed = capfd.readouterr().out
    assert "base, seed 3: " in printed
    assert "slow rate, seed 3: " in printed
    assert "to base" in printed.split("Rates")[-1]


@pytest.mark.slow  # starts two processes, which import everything anew
def test_workers_write_logs_and_no_progress_bar(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lrs.yaml"
    rows = {"slow": {LR: 1.0e-6}, "wrong": {"model.init_args.nonsense": 1}}
    file.write_text(yaml.safe_dump({"config": str(DEMO), "rows": rows}))
    bar = "--trainer.callbacks+=lightning.pytorch.callbacks.RichProgressBar"
    show = ["--trainer.enable_progress_bar=true", "--trainer.enable_model_summary=true", bar]
    with pytest.raises(SystemExit) as stop:
        study(file, "--jobs", "2", "-c", str(TINY), *show)
    assert stop.value.code == 1
    out = capfd.readouterr().out
    slow, wrong = (file.parent / "out" / "rows" / name / "seed_0" for name in ("slow", "wrong"))
    log = (slow / "log.txt").read_text()
    assert "accuracy (exact)" in log  # the table of the run
    assert "Epoch" not in log
    assert "Params" not in log
    assert yaml.safe_load((slow / "config.yaml").read_text())["trainer"]["enable_model_summary"] is True
    assert "nonsense" in (wrong / "log.txt").read_text()
    assert "accuracy (exact)" not in out
    assert "slow, seed 0: " in out
    assert 'failed: wrong, seed 0: TypeError: Parser key "model"' in out
    assert str(wrong / "log.txt") in out
    assert set(pd.read_csv(file.parent / "out" / "summary.csv")["row"]) == {"slow"}


def test_an_early_end_stops_the_workers(tmp_path: Path) -> None:
    earlier = set(multiprocessing.active_children())
    quick = Run("quick", 0, tmp_path / "quick", (), "digest", base=tmp_path / "gone")
    long = Run(
        "long", 0, tmp_path / "long", ("-c", str(DEMO), "-c", str(TINY), "--trainer.max_epochs=100000"), "digest"
    )
    outcomes = side_by_side([quick, long], jobs=2)
    first = next(outcomes)
    assert first.run == quick
    assert "holds no last.ckpt" in str(first.error)
    assert set(multiprocessing.active_children()) - earlier
    outcomes.close()
    assert not set(multiprocessing.active_children()) - earlier
    assert not long.is_finished


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


def test_a_row_depends_on_its_base(write_file: Callable[..., Path], tmp_path: Path) -> None:
    file = write_file(base="other.yaml", rows={"a": {}})

    def digests(content: str) -> list[str]:
        (tmp_path / "other.yaml").write_text(content)
        return [run.digest for run in plan_runs(read_study(file), tmp_path, [0], [])]

    before, after = digests("data: {batch_size: 4}"), digests("data: {batch_size: 8}")
    assert not set(before) & set(after)
    assert before == digests("# a comment\ndata: {batch_size: 4}")


def test_a_row_wins_over_further_options_and_the_study_over_both(write_file: Callable[..., Path]) -> None:
    file = write_file(rows={"a": {"data.batch_size": 8}, "b": {"config": "lrs.yaml"}})
    options = ["-c", str(TINY), "--data.batch_size=6", "--seed_everything=9"]
    first, second = plan_runs(read_study(file), file.parent / "out", [3], options)
    line = first.command_line()
    assert line[:6] == ["-c", str(file.parent / "experiment.yaml"), *options]
    assert line[6] == "--data.batch_size=8"
    assert line.index("--seed_everything=3") > 6
    assert f"--trainer.logger.save_dir={first.folder}" in line[7:]
    assert second.command_line()[1] == str(file)


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


def test_unknown_options_are_refused_before_anything_runs(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_file(rows={"a": {}})
    with pytest.raises(
        SystemExit, match="facequal study: --out=x is an option neither of this command nor of facequal"
    ):
        study(file, "--data.batch_size", "8", "--out=x")
    assert done == []
    # All that is known is one of `facequal fit`, and all of its are known.
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    offered = {top_key(word) for word in re.findall(r"--[a-z][\w.]*", capsys.readouterr().out)}
    assert set(FIT_KEYS) | {"help", "print_config"} == offered


@pytest.mark.parametrize("how", ["interrupted", "interrupted-in-lightning"])
def test_ctrl_c_ends_the_study(how: str, write_file: Callable[..., Path], done: list[str]) -> None:
    file = write_file(rows={"a": {"gain": 0.1}, "b": {how: True}, "c": {}})
    with pytest.raises(SystemExit) as stop:
        study(file)
    assert stop.value.code == 130
    assert done == ["a, seed 0", "b, seed 0"]
    file = write_file(rows={"a": {"gain": 0.1}, "b": {}, "c": {}})
    study(file)
    assert done[2:] == ["b, seed 0", "c, seed 0"]


STAGES = {
    "first": {"config": "experiment.yaml"},
    "second": {"config": "experiment.yaml", "model.from": "${first}/checkpoints/last.ckpt"},
    "other": {"config": "experiment.yaml"},
}


def test_stages_come_before_the_rows_that_name_them(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows: dict[str, Any] = {"a": {}, "b": {"model.from": {"x": "${second}/genotype.json"}}}
    file = write_file(stages=STAGES, rows=rows)
    folder = study(file, "--only", "b")
    assert done == ["first, seed 0", "second, seed 0", "b, seed 0"]
    run = plan_runs(read_study(file), folder, [0], [])[-1]
    (value,) = (argument for argument in run.command_line() if argument.startswith("--model.from"))
    assert value == f'--model.from={{"x": "{folder / "stages" / "second" / "seed_0"}/genotype.json"}}'
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"b"}
    assert "second, seed 0: 0 s; 1 to go" in capsys.readouterr().out

    study(file, seeds=2)
    assert done[3:] == [
        *("other, seed 0", "a, seed 0"),
        *("first, seed 1", "second, seed 1", "other, seed 1", "a, seed 1", "b, seed 1"),
    ]
    study(file, "--only", "b", "--fresh")
    assert sorted(done[10:]) == ["b, seed 0", "first, seed 0", "second, seed 0"]


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


def test_names_of_stages_may_have_any_letters(write_file: Callable[..., Path], done: list[str]) -> None:
    stages = {"größe": {"config": "experiment.yaml"}}
    file = write_file(stages=stages, rows={"a": {"model.from": {"x": ["${größe}"]}}})
    folder = study(file)
    run = plan_runs(read_study(file), folder, [0], [])[-1]
    (value,) = (argument for argument in run.command_line() if argument.startswith("--model.from"))
    assert json.loads(value.partition("=")[2]) == {"x": [str(folder / "stages" / "größe" / "seed_0")]}
    with pytest.raises(
        SystemExit, match=r"--model.x=\${größe}: stages are named in .*lrs\.yaml, not in further options"
    ):
        study(file, "--model.x=${größe}")


def test_a_row_depends_on_all_stages_before_it(write_file: Callable[..., Path], tmp_path: Path) -> None:
    rows: dict[str, Any] = {"a": {}, "b": {"model.from": "${second}"}}

    def digests(**changed: Any) -> dict[str, str]:
        stages = {name: stage | changed.get(name, {}) for name, stage in STAGES.items()}
        file = write_file(stages=stages, rows=rows)
        return {run.row: run.digest for run in plan_runs(read_study(file), tmp_path, [0], [])}

    def changed_by(**changed: Any) -> set[str]:
        before, after = digests(), digests(**changed)
        return {name for name in before if before[name] != after[name]}

    assert changed_by() == set()
    assert changed_by(first={"x": 1}) == {"first", "second", "b"}
    assert changed_by(second={"x": 1}) == {"second", "b"}
    assert changed_by(other={"x": 1}) == {"other"}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_failed_stage_would_have_given_is_not_done(
    jobs: str,
    write_file: Callable[..., Path],
    done: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Threads in place of processes, which would not know what is only pretended.
    monkeypatch.setattr(study_jobs, "ProcessPoolExecutor", lambda jobs, **options: ThreadPoolExecutor(jobs))
    monkeypatch.setattr(study_jobs, "redirect_output", lambda log: None)
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


def test_only_some_rows(write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    file = write_file(base="experiment.yaml", columns=[COLUMN], rows={"first row": {}, "b": {"gain": 0.1}, "c": {}})
    folder = study(file, "--only", "b")
    assert done == ["base, seed 0", "b, seed 0"]
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"base", "b"}
    assert "first row" not in capsys.readouterr().out
    study(file, "--only", "first row")
    assert done[2:] == ["first row, seed 0"]
    assert set(pd.read_csv(folder / "summary.csv")["row"]) == {"base", "first row", "b"}
    study(file, "--only", "b", "--fresh")
    assert done[3:] == ["base, seed 0", "b, seed 0"]
    with pytest.raises(SystemExit, match=r"there is no row 'd' in .*; there are base; first row; b; c"):
        study(file, "--only", "d")


def test_a_base_without_checkpoint(write_file: Callable[..., Path], done: list[str]) -> None:
    folder = study(write_file(base="experiment.yaml", rows={"a": {}}))
    shutil.rmtree(folder / "base" / "seed_0" / "checkpoints")
    study(write_file(base="experiment.yaml", rows={"a": {}}))  # nothing to do that needs it
    with pytest.raises(SystemExit, match=r"base.seed_0 holds no last\.ckpt .*ModelCheckpoint with save_last: true"):
        study(write_file(base="experiment.yaml", rows={"a": {}, "b": {}}))
    assert done == ["base, seed 0", "a, seed 0"]


def test_the_newest_of_several_last_checkpoints(tmp_path: Path) -> None:
    for name, time in (("last-v1.ckpt", 20), ("last.ckpt", 10), ("epoch=1.ckpt", 30)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    assert last_checkpoint(tmp_path) == tmp_path / "last-v1.ckpt"


def test_summary_of_a_grid(write_file: Callable[..., Path], done: list[str]) -> None:
    grid = {"gain": [0.1, 0.2], "data.batch_size": [4, 8]}
    file = write_file(title="Gains", base="experiment.yaml", rows={"control": {"gain": 0}}, grid=grid)
    folder = study(file, seeds=2)
    summary = pd.read_csv(folder / "summary.csv")
    names = ["base", "control", *[f"gain={gain}, batch_size={size}" for gain in (0.1, 0.2) for size in (4, 8)]]
    assert list(dict.fromkeys(summary["row"])) == names
    row = summary[(summary["row"] == names[-1]) & (summary["column"] == "7 px")].iloc[0]
    assert json.loads(row["overrides"]) == {"gain": 0.2, "data.batch_size": 8}
    assert row["mean"] == pytest.approx(0.705)
    assert row["std"] == pytest.approx(0.01 / 2**0.5)
    assert (row["min"], row["max"], row["num_runs"]) == (pytest.approx(0.7), pytest.approx(0.71), 2)
    assert (row["delta_mean"], row["delta_std"]) == (pytest.approx(0.2), pytest.approx(0, abs=1e-12))
    assert (folder / "map.png").stat().st_size > 1000
    text = (folder / "summary.md").read_text()
    assert text.startswith("# Gains\n")
    assert "## set, cross-resolution\n\n| row | 7 px | 14 px |\n" in text
    assert "| gain=0.2, batch_size=8 | 70.50 ± 0.71 (+20.00 ± 0.00) | 80.50 ± 0.71 (+20.00 ± 0.00) |" in text
    assert "![Gains](map.png)" in text
    for told in ("| seeds | 0, 1 |", "facequal study ", "| torch | ", "| wall time | "):
        assert told in text


def test_differences_to_a_control(write_file: Callable[..., Path], done: list[str]) -> None:
    rows = {"plain": {"gain": 0.1}, "with": {"gain": 0.3}}
    folder = study(write_file(base="experiment.yaml", control="plain", rows=rows), seeds=2)
    summary = pd.read_csv(folder / "summary.csv").set_index(["row", "column"])["delta_mean"]
    assert summary["base", "7 px"] == pytest.approx(-0.1)
    assert np.isnan(summary["plain", "7 px"])
    assert summary["with", "7 px"] == pytest.approx(0.2)
    assert "To plain: differences" in (folder / "summary.md").read_text()


def test_a_control_without_results(
    write_file: Callable[..., Path], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    study(write_file(control="plain", rows={"plain": {}, "with": {"gain": 0.3}}), "--only", "with")
    assert "no differences are shown: the control 'plain' has no results" in capsys.readouterr().out


def test_the_map_holds_the_means_of_its_rows(
    write_file: Callable[..., Path], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("facequal.engine.study_report.map_png", lambda *given: drawn.append(given) or b"")
    grid = {"gain": [0.1, 0.2], "data.batch_size": [4, 8, 16]}
    study(write_file(base="experiment.yaml", columns=[COLUMN], rows={"control": {"gain": 0}}, grid=grid))
    ((panels, down, across),) = drawn
    assert down == ("gain", ["0.1", "0.2"])
    assert across == ("batch_size", ["4", "8", "16"])
    assert panels[0].base == pytest.approx(50)
    assert [pytest.approx(row) for row in panels[0].values] == [[60] * 3, [70] * 3]


def test_columns_that_no_run_has(write_file: Callable[..., Path], done: list[str]) -> None:
    file = write_file(columns=[COLUMN, ["set", "cross-resolution", "8 px"]], rows={"a": {}})
    expected = r"lrs\.yaml: columns: no run has set, cross-resolution, 8 px; there are: .*columns 7 px, 14 px;"
    with pytest.raises(SystemExit, match=expected):
        study(file)
    assert (file.parent / "out" / "summary.csv").is_file()
    study(write_file(columns=[COLUMN], rows={"a": {}}))  # the columns are no part of what a run depends on
    assert done == ["a, seed 0"]


def test_wrong_arguments(write_file: Callable[..., Path], tmp_path: Path) -> None:
    file = write_file(rows={"a": {}})
    for options, message in (
        (["--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["-c", "gone.yaml"], "there is no file gone.yaml"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["study", str(file), "--folder", str(tmp_path / "out"), *options])
    with pytest.raises(SystemExit, match=r"there is no file gone\.yaml"):
        main(["study", "gone.yaml"])


def test_a_narrow_terminal_loses_nothing(
    write_file: Callable[..., Path],
    done: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    study(write_file(base="experiment.yaml", rows={"a row of a study": {"gain": 0.1}}), seeds=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["set", "base", "50.50", "±", "0.71", "60.50", "±", "0.71"] in lines
    assert ["cross-resolution", "a", "row", "of", "a", "study", "60.50", "±", "0.71", "70.50", "±", "0.71"] in lines


def test_help_has_an_example_that_is_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["study", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for key in KEYS:
        assert f"\n  {key} " in text
    for name in ("adaface", "octuplet", "octuplet_short"):
        (tmp_path / f"{name}.yaml").touch()
    file = tmp_path / "margins.yaml"
    file.write_text(text.split("\nexample:\n")[1])
    example = read_study(file)
    assert example.columns[1] == ("procedural/mixed", "cross-resolution", "7 px", "eer")
    assert [row.config.stem for row in example.rows] == ["octuplet", "octuplet", "octuplet_short", *["octuplet"] * 3]
    assert example.base == tmp_path / "adaface.yaml"


def test_the_mark_names_the_run(write_file: Callable[..., Path], done: list[str]) -> None:
    folder = study(write_file(rows={"a b": {}}), "--first-seed", "2")
    mark = json.loads((folder / "rows" / "a_b" / "seed_2" / MARK).read_text())
    assert (mark["row"], mark["seed"]) == ("a b", 2)
    assert len(mark["digest"]) == 64


def test_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    assert is_first_process()
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_first_process()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_first_process()
