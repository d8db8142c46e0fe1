import csv
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facequal.reports.results import (
    Result,
    column_order,
    read_results,
    summarise,
    write_atomically,
    write_results,
    write_summary,
)

FULL = Result(
    protocol='quoted, "lfw"\nä',
    condition="cross-resolution",
    column="7 px",
    metric="accuracy",
    value=0.1 + 0.2,
    std=1 / 3,
    interval=(0.1, 2 / 3),
    num=6000,
    rule="grid",
    folds=10,
    seed=0,
)
BARE = Result("lfw", "same-resolution", "112 px", "psnr", math.inf, unit="dB")


def test_csv_round_trip_keeps_every_digit(tmp_path):
    path = tmp_path / "new" / "results.csv"
    assert write_results(path, [FULL, BARE]) == path
    assert read_results(path) == [FULL, BARE]
    assert [file.name for file in path.parent.iterdir()] == ["results.csv"]


def test_csv_is_tidy(tmp_path):
    write_results(tmp_path / "results.csv", [FULL, replace(BARE, value=math.nan)])
    frame = pd.read_csv(tmp_path / "results.csv")
    assert frame["value"][0] == pytest.approx(FULL.value)
    assert frame["interval_high"][0] == pytest.approx(2 / 3)
    assert np.isnan(frame["value"][1])
    assert np.isnan(frame["std"][1])
    assert (tmp_path / "results.csv").read_bytes().splitlines()[0] == (
        b"protocol,condition,column,metric,value,std,interval_low,interval_high,num,rule,unit,folds,seed"
    )


def test_nan_and_no_results_survive_the_csv(tmp_path):
    write_results(tmp_path / "a.csv", [replace(BARE, value=math.nan)])
    (result,) = read_results(tmp_path / "a.csv")
    assert math.isnan(result.value)
    write_results(tmp_path / "b.csv", [])
    assert read_results(tmp_path / "b.csv") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("protocol,", "dataset,", r"columns are \['dataset', .*expected \['protocol', "),
        ("0.25", "high", r"bad.csv, line 2: value is 'high', expected a number"),
        ("600,", "6e2,", r"bad.csv, line 2: num is '6e2', expected a whole number"),
        (",grid", "", "bad.csv, line 2: 13 entries expected"),
        (",grid", ",grid,grid", "bad.csv, line 2: 13 entries expected"),
        ("0.2,0.3", "0.2,", "bad.csv, line 2: interval_low and interval_high must both"),
    ],
)
def test_a_bad_csv_is_named_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "bad.csv"
    write_results(path, [Result("lfw", "c", "7 px", "accuracy", 0.25, interval=(0.2, 0.3), num=600, rule="grid")])
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        read_results(path)


def test_no_csv(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        read_results(tmp_path / "missing.csv")


def test_columns_are_in_numeric_order():
    columns = ["112 px", "Test-N", "7 px", "14 px", "7 px", "Test-B", "2.5 m"]
    assert column_order(columns) == ["2.5 m", "7 px", "14 px", "112 px", "Test-N", "Test-B"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomically(path, "old\n")

    def full_disk(self, content):
        self.touch()
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new\n")
    assert path.read_text() == "old\n"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path):
    path = write_atomically(tmp_path / "file.txt", "old\n")
    with path.open() as reader:
        write_atomically(path, b"new\n")
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"


def test_summary_is_mean_and_sample_deviation_over_runs(tmp_path):
    values = [0.91, 0.94, 0.95]
    runs = [[replace(FULL, value=v, seed=s), replace(BARE, value=30.0 + s)] for s, v in enumerate(values)]
    accuracy, psnr = summarise(runs)
    assert accuracy.mean == pytest.approx(np.mean(values))
    assert accuracy.std == pytest.approx(np.std(values, ddof=1))
    assert (accuracy.minimum, accuracy.maximum, accuracy.num_runs) == (0.91, 0.95, 3)
    assert (psnr.mean, psnr.std, psnr.unit, psnr.metric) == (31.0, 1.0, "dB", "psnr")
    with write_summary(tmp_path / "summary.csv", [accuracy, psnr]).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in rows] == [accuracy.mean, psnr.mean]
    assert [float(row["std"]) for row in rows] == [accuracy.std, psnr.std]
    assert [row["num_runs"] for row in rows] == ["3", "3"]


def test_summary_of_one_run_missing_and_nan_figures():
    (one,) = summarise([[FULL]])
    assert one.mean == FULL.value
    assert math.isnan(one.std)
    nan = replace(FULL, value=math.nan)
    figure, other = summarise([[FULL], [nan, BARE], [FULL]])
    assert (figure.mean, figure.std, figure.num_runs) == (FULL.value, 0.0, 2)
    assert other.num_runs == 1
    (nothing,) = summarise([[nan], [nan]])
    assert nothing.num_runs == 0
    assert all(math.isnan(x) for x in (nothing.mean, nothing.std, nothing.minimum, nothing.maximum))
    assert summarise([]) == []


def test_summary_keeps_rules_apart_and_refuses_repeats():
    grid, exact = summarise([[FULL, replace(FULL, rule="exact", value=0.9)]])
    assert (grid.rule, exact.rule) == ("grid", "exact")
    with pytest.raises(ValueError, match=r"run 1 \(seed 0\) holds this figure twice: (?s:.*)7 px, accuracy, grid"):
        summarise([[FULL], [FULL, FULL]])
