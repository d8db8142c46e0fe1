import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facequal.reports.results import (
    RESULT_COLUMNS,
    Result,
    column_order,
    read_results,
    results_table,
    write_atomically,
    write_results,
    write_table,
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


def test_the_long_table_holds_every_figure_of_every_seed():
    nothing = replace(BARE, value=math.nan)
    table = results_table({"base": {0: [FULL, BARE], 1: [FULL]}, "row": {"seed_0": [nothing], "seed_1": []}})
    assert list(table.columns) == ["run", "seed", *RESULT_COLUMNS[:-1]]
    assert table["run"].tolist() == ["base", "base", "base", "row"]
    assert table["seed"].tolist() == [0, 0, 1, "seed_0"]
    assert table["value"].tolist()[:3] == [FULL.value, math.inf, FULL.value]
    assert table["value"].dtype == float
    first, second, *_ = table.to_dict("records")
    assert (first["std"], first["interval_high"], first["num"], first["folds"]) == (1 / 3, 2 / 3, 6000, 10)
    assert (second["std"], second["interval_low"], second["folds"]) == (None, None, None)
    assert len(results_table({})) == 0


def test_a_figure_may_be_in_many_seeds_but_once_in_each():
    results_table({"a": {0: [FULL, replace(FULL, rule="exact")], 1: [FULL]}, "b": {0: [FULL]}})
    message = r"a, seed 1: this figure appears twice: (?s:.*)7 px, accuracy, grid, fraction"
    with pytest.raises(ValueError, match=message):
        results_table({"a": {0: [FULL], 1: [FULL, BARE, FULL]}})
    with pytest.raises(ValueError, match=r"^seed 0: this figure appears twice: "):
        results_table({"": {0: [BARE, BARE]}})


def test_tables_keep_every_digit(tmp_path):
    values = np.random.default_rng(0).standard_normal(200) * 10.0 ** np.arange(-100, 100)
    special = [0.1 + 0.2, 1e16, 1e-5, -0.0, math.inf, math.nan]
    table = pd.DataFrame({"name": 'a "b", c', "value": [*values, *special], "whole": [1, None] * 103})
    lines = write_table(tmp_path / "a.csv", table, missing="nan").read_text().splitlines()
    assert lines[0] == "name,value,whole"
    for line, value in zip(lines[1:], [*values.tolist(), *special], strict=True):
        assert line.startswith(f'"a ""b"", c",{value!r},')
    assert write_table(tmp_path / "b.csv", table[-1:]).read_text() == 'name,value,whole\n"a ""b"", c",,\n'
