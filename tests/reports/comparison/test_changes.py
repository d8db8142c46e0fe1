import csv
import io
import math
import statistics

import pytest
from rich.console import Console

from facequal.reports.comparison.changes import ComparisonTable, changes_markdown, render_changes, write_changes
from facequal.reports.statistics import change
from facequal.reports.tables import MAX_WIDTH

SEEDS = ComparisonTable(
    "Title",
    ["7 px", "112 px"],
    [
        change(("lfw", "cross-resolution", "112 px", "accuracy"), [0.99], [0.98]),
        change(("lfw", "cross-resolution", "7 px", "accuracy"), [0.5, 0.7], [0.8, 0.9]),
        change(("a|b", "same-resolution", "7 px", "accuracy"), [0.5], [math.nan]),
    ],
    ["a note"],
)


def single(column, before, after):
    return change(("s", "c", column, "accuracy"), before, after)


def rendered(table, width=MAX_WIDTH):
    console = Console(width=width, file=io.StringIO())
    console.print(render_changes(table))
    return console.file.getvalue()


def test_terminal():
    lines = [line.split() for line in rendered(SEEDS).splitlines()]
    assert ["lfw", "before", "60.00", "99.00"] in lines
    assert ["cross-resolution", "±", "14.14"] in lines
    assert ["after", "85.00", "98.00"] in lines
    assert ["delta", "+25.00", "-1.00"] in lines
    assert ["same-resolution", "after", "n/a", "n/a"] in lines
    assert ["delta", "n/a", "n/a"] in lines
    text = " ".join(rendered(SEEDS).split())
    assert "sample standard deviation over 2 seeds" in text
    assert "a note" in text
    one = ComparisonTable("", ["x"], [single("x", [0.5], [0.6])])
    assert "standard deviation" not in rendered(one)
    assert "±" not in rendered(one)


def test_terminal_is_narrow_enough_and_loses_nothing():
    columns = ["lfw", "7 px", "14 px", "28 px", "56 px", "112 px", "mean", "xqlfw", "a", "b"]
    place = ("a/long-name/" * 8, "cross-resolution")
    changes = [change((*place, column, "accuracy"), [0.5, 0.51], [1.0, 1.0]) for column in columns]
    table = ComparisonTable("", columns, changes, ["word " * 60])
    lines = rendered(table).splitlines()
    assert max(map(len, lines)) <= 130
    assert sum(line.split().count("+49.50") for line in lines) == len(columns)
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("delta", "text"), [(0.01234, "+1.23"), (-0.01236, "-1.24"), (-0.00001, "+0.00"), (0.0, "+0.00"), (1.0, "+100.00")]
)
def test_deltas_are_signed(delta, text):
    table = ComparisonTable("", ["x"], [single("x", [0.0], [delta])])
    assert ["delta", text] in [line.split() for line in rendered(table).splitlines()]
    assert f"| s | c | delta | {text} |" in changes_markdown(table)


def test_markdown():
    lines = changes_markdown(SEEDS).splitlines()
    assert lines[:2] == ["| set | condition | model | 7 px | 112 px |", "|---|---|---|---:|---:|"]
    assert lines[2] == "| lfw | cross-resolution | before | 60.00 ± 14.14 | 99.00 |"
    assert lines[4] == "| lfw | cross-resolution | delta | +25.00 ± 7.07 | -1.00 |"
    assert lines[5] == "| a\\|b | same-resolution | before | 50.00 | n/a |"
    assert lines[-1] == "- a note"


def test_csv_has_all_digits(tmp_path):
    with write_changes(tmp_path / "new" / "a.csv", SEEDS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["protocol", "condition", "model", "column", "metric", "mean", "std", "num_seeds"]
    assert len(rows) == 9  # a cell that no report holds has no row
    delta = rows[4]
    assert (delta["model"], delta["column"], delta["metric"]) == ("delta", "7 px", "accuracy")
    deltas = [0.8 - 0.5, 0.9 - 0.7]
    expected = (statistics.fmean(deltas), statistics.stdev(deltas), 2)
    assert (float(delta["mean"]), float(delta["std"]), int(delta["num_seeds"])) == expected
    assert (rows[5]["column"], float(rows[5]["mean"]), rows[5]["std"]) == ("112 px", 0.98 - 0.99, "")
    assert rows[7]["mean"] == ""
    assert rows[8]["protocol"] == "a|b"
