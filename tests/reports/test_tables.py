import math

import pytest
from rich.console import Console

from facequal.reports.results import Result, results_table
from facequal.reports.statistics import summarise
from facequal.reports.tables import (
    MAX_WIDTH,
    Cell,
    amount,
    by_section,
    format_value,
    lines_of,
    print_table,
    render_summary,
    render_table,
)


def text_of(table, width=120):
    console = Console(width=width, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def rows_of(table, width=120):
    """The lines of the printed table, split into words."""
    return [line.split() for line in text_of(table, width).splitlines()]


def accuracy(column, value, protocol="lfw", condition="cross-resolution", **rest):
    rest = {"std": 0.0123, "num": 6000, "rule": "grid", "folds": 10, "seed": 0} | rest
    return Result(protocol, condition, column, "accuracy", value, **rest)


def test_table_has_sorted_columns_percent_and_the_rule():
    results = [accuracy("112 px", 0.99876), accuracy("7 px", 0.7), accuracy("14 px", 0.81235)]
    results += [Result("lfw", "cross-resolution", c, "auc", 0.5, num=6000) for c in ("7 px", "112 px")]
    text, rows = text_of(render_table(results)), rows_of(render_table(results))
    assert ["protocol", "metric", "7", "px", "14", "px", "112", "px"] in rows
    assert ["lfw", "accuracy", "(grid)", "70.00", "81.23", "99.88"] in rows
    assert ["cross-resolution", "±", "10", "folds", "1.23", "1.23", "1.23"] in rows
    assert ["n", "=", "6,000", "auc", "50.00", "n/a", "50.00"] in rows
    assert "squared distance" in " ".join(text.split())
    assert "Fractions in percent." in text


def test_rules_and_conditions_have_rows_of_their_own():
    results = [
        accuracy("7 px", 0.1),
        accuracy("7 px", 0.2, rule="exact", std=None),
        accuracy("7 px", 0.3, condition="same-resolution", std=None),
        Result("lfw", "same-resolution", "7 px", "tar@far=1e-3", 0.4, num=6000, rule="at_most"),
        Result("lfw", "same-resolution", "7 px", "tar@far=1e-3", 0.5, num=6000, rule="nearest"),
    ]
    rows = rows_of(render_table(results))
    assert ["lfw", "accuracy", "(grid)", "10.00"] in rows
    assert ["n", "=", "6,000", "accuracy", "(exact)", "20.00"] in rows
    assert ["lfw", "accuracy", "(grid)", "30.00"] in rows
    assert ["same-resolution", "tar@far=1e-3", "40.00"] in rows
    assert ["n", "=", "6,000", "tar@far=1e-3", "(nearest)", "50.00"] in rows


def test_five_resolutions_fit_into_eighty_characters():
    columns = ["7 px", "14 px", "28 px", "56 px", "112 px"]
    results = [accuracy(column, 1.0, protocol="other-family") for column in columns]
    results += [
        Result("other-family", "cross-resolution", c, "tar@far=1e-3", 1.0, num=6000, rule="at_most") for c in columns
    ]
    text = text_of(render_table(results), width=80)
    assert "…" not in text
    assert "cross-resolution" in text
    assert max(map(len, text.splitlines())) <= 80


def test_nan_zero_pairs_and_no_results():
    rows = rows_of(render_table([accuracy("7 px", math.nan, num=0, std=None), accuracy("14 px", 0.5)]))
    assert ["lfw", "accuracy", "(grid)", "n/a", "50.00"] in rows
    assert ["cross-resolution", "±", "10", "folds", "n/a", "1.23"] in rows
    assert ["n", "=", "0", "to", "6,000"] in rows
    assert "No results." in text_of(render_table([]))
    assert "No results." in text_of(render_summary([]))


def test_names_are_not_markup():
    text = text_of(render_table([accuracy("[bold]", 0.5, protocol="[red]lfw[/red]", condition="[/x]")]))
    assert "[red]lfw[/red]" in text
    assert "[/x]" in text
    assert "[bold]" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.97125, "fraction", "97.12"),
        (1.0, "fraction", "100.00"),
        (23.456, "dB", "23.46 dB"),
        (math.inf, "dB", "inf dB"),
        (0.91234, "", "0.9123"),
        (math.nan, "dB", "n/a"),
        (None, "fraction", "n/a"),
    ],
)
def test_format_value(value, unit, text):
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((0.914, 0.0052, "fraction"), "91.40 ± 0.52"),
        ((0.914, math.nan, "fraction"), "91.40"),
        ((0.05, 0.01, "fraction", "+"), "+5.00 ± 1.00"),
        ((-0.05, math.nan, "fraction", "+"), "-5.00"),
        ((-1e-9, math.nan, "fraction", "+"), "+0.00"),
        ((23.414, 0.2, "dB"), "23.41 ± 0.20 dB"),
        ((0.12345, 0.2, ""), "0.1235 ± 0.2000"),
        ((0.914, None, "fraction"), "91.40"),
        ((math.nan, math.nan, "fraction"), "n/a"),
        ((None, 0.1, "fraction"), "n/a"),
    ],
)
def test_amount(given, text):
    assert amount(*given) == text


def test_the_printed_width_is_not_that_of_the_terminal(monkeypatch, capsys):
    results = [accuracy(f"{size} px", 0.5) for size in range(10, 17)]
    monkeypatch.setenv("COLUMNS", "40")
    print_table(render_table(results))
    lines = capsys.readouterr().out.splitlines()
    assert "50.00".join([" "] * 8).split() == [word for line in lines for word in line.split() if word == "50.00"]
    assert 80 < max(map(len, lines)) <= MAX_WIDTH


def test_a_figure_given_twice_is_refused():
    with pytest.raises(ValueError, match="appears twice: lfw, cross-resolution, accuracy, grid, fraction, 7 px"):
        by_section([accuracy("7 px", 0.1), accuracy("14 px", 0.1), accuracy("7 px", 0.1)])


def test_summary_shows_mean_spread_and_runs():
    runs = [[accuracy("7 px", 0.7), accuracy("112 px", v)] for v in (0.9, 0.92)] + [[accuracy("7 px", 0.73)]]
    rows = rows_of(render_summary(summarise(results_table({"": dict(enumerate(runs))}))))
    assert ["lfw", "accuracy", "(grid)", "71.00", "91.00"] in rows
    assert ["cross-resolution", "±", "over", "2", "to", "3", "1.73", "1.41"] in rows


def test_figures_by_section_keep_their_order():
    one, two = accuracy("112 px", 0.9), accuracy("7 px", 0.7)
    exact, other = accuracy("7 px", 0.6, rule="exact"), accuracy("7 px", 0.5, condition="same-resolution")
    sections = by_section([one, exact, other, two])
    assert list(sections) == [("lfw", "cross-resolution"), ("lfw", "same-resolution")]
    assert sections["lfw", "cross-resolution"] == {
        ("accuracy", "grid", "fraction"): {"112 px": one, "7 px": two},
        ("accuracy", "exact", "fraction"): {"7 px": exact},
    }


def test_spreads_stand_below_where_they_have_a_name():
    cells = [Cell(0.5, 0.01, sign="+"), Cell(0.25), Cell()]
    assert lines_of("a", cells) == [["a", "+50.00", "25.00", "n/a"]]
    assert lines_of("a", cells, "±", "") == [["a", "+50.00", "25.00", "n/a"], ["±", "1.00", "", ""]]
    assert Cell(20.0, 0.5, "dB", note="refs").text == "20.00 ± 0.50 dB [refs]"
    assert (Cell(0.5, math.nan).has_spread, Cell(0.5, 0.0).has_spread) == (False, True)
