"""One experiment over seeds, with tiny runs and with runs that only pretend."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from facequal.cli import main
from facequal.engine.marks import MARK
from tests.engine.pretended import DEMO, TINY


def repeat(file: Path, *options: str, seeds: int = 1) -> Path:
    folder = file.parent / "out"
    main(["repeat", str(file), "--seeds", str(seeds), "--folder", str(folder), *options])
    return folder


@pytest.fixture
def experiment(write_file: Callable[..., Path]) -> Path:
    return write_file().with_name("experiment.yaml")


def test_seeds_are_run_once_and_summarised(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(f"inherit: [{DEMO}, {TINY}]")
    folder = repeat(file, seeds=2)
    per_seed = [pd.read_csv(folder / f"seed_{seed}" / "report" / "results.csv") for seed in (0, 1)]
    assert [set(results["seed"]) for results in per_seed] == [{0}, {1}]
    summary = pd.read_csv(folder / "summary.csv")
    row = summary[(summary["metric"] == "auc") & (summary["column"] == "7 px")].iloc[0]
    same = ["protocol", "condition", "column", "metric"]
    values = [results.loc[(results[same] == row[same]).all(axis=1), "value"].item() for results in per_seed]
    assert row["mean"] == pytest.approx(sum(values) / 2)
    assert row["num_runs"] == 2
    assert values[0] != values[1]
    printed = capfd.readouterr().out
    assert "Results over seeds" in printed
    assert "± over 2" in printed
    assert f"summary: {folder / 'summary.csv'}" in printed


def test_finished_seeds_are_read(experiment: Path, done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = repeat(experiment, seeds=2)
    repeat(experiment, seeds=2)
    assert done == ["experiment, seed 0", "experiment, seed 1"]
    assert "experiment: 0 runs to go" in capsys.readouterr().out
    repeat(experiment, "--first_seed", "1", seeds=2)
    assert done[2:] == ["experiment, seed 2"]
    assert set(pd.read_csv(folder / "summary.csv")["num_runs"]) == {2}


def test_old_names_are_found_before_anything_is_removed(experiment: Path, done: list[str]) -> None:
    folder = repeat(experiment)
    with pytest.raises(
        SystemExit, match=r"experiment: the command line:\n  data\.val_pairs is now data\.held_out\.pairs"
    ):
        repeat(experiment, "--fresh", "--data.val_pairs=3")
    assert (folder / "seed_0" / "report").is_dir()
    assert len(done) == 1


def test_other_settings_are_refused(experiment: Path, done: list[str]) -> None:
    folder = repeat(experiment, seeds=2)
    changed = "--data.batch_size=6"
    for options in ([], ["--first_seed", "2"]):  # other seeds too: the folder is read as one experiment
        with pytest.raises(SystemExit, match=r"under other settings; use --fresh, or another --folder"):
            repeat(experiment, *options, changed)
    assert len(done) == 2
    repeat(experiment, "--fresh", changed)
    assert done[2:] == ["experiment, seed 0"]
    assert not (folder / "seed_1").exists()


def test_only_what_carries_the_mark_is_removed(experiment: Path, done: list[str]) -> None:
    folder = repeat(experiment)
    (folder / "seed_0" / MARK).rename(folder / "experiment.sha256")  # as earlier versions left it
    for options in ([], ["--fresh"]):
        with pytest.raises(SystemExit, match=r"seed_0 was not made by this command, which does not remove it"):
            repeat(experiment, *options)
    assert (folder / "seed_0" / "report" / "results.csv").is_file()
    assert len(done) == 1


def test_the_other_seeds_go_on_when_one_fails(
    experiment: Path, done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        repeat(experiment, "--model.fails=1", seeds=2)
    assert stop.value.code == 1
    assert done == ["experiment, seed 0", "experiment, seed 1"]
    assert "failed: experiment, seed 1: RuntimeError: it does not work; see " in capsys.readouterr().out


@pytest.mark.slow  # seeds are the data module's and the trainer's, which have tests of their own
def test_same_seed_same_figures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        overlay = ["-c", str(TINY), "--seeds", "1", "--first_seed", "5"]
        main(["repeat", str(DEMO), *overlay, "--folder", str(tmp_path / name)])
    first, second = (pd.read_csv(tmp_path / name / "seed_5" / "report" / "results.csv") for name in ("one", "two"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
