import math

import pytest
from rich.console import Console

from facequal.evaluation.results import Result
from facequal.evaluation.study.summary import Column, RowResults, figures_of
from facequal.evaluation.study.tables import amount, legend, render_study, study_markdown

SEVEN, FOURTEEN = Column("set/far", "cross", "7 px"), Column("set/far", "cross", "14 px")


def row(name, per_seed, **overrides):
    """`per_seed`: for each seed the accuracies at 7 and 14 px."""
    results = {
        seed: [Result(*place[:3], "accuracy", value) for place, value in zip((SEVEN, FOURTEEN), values, strict=True)]
        for seed, values in per_seed.items()
    }
    return RowResults(name, results, "octuplet.yaml", overrides)


BASE = row("base", {0: (0.70, 0.90), 1: (0.72, 0.90)})
OCTUPLET = row("octuplet", {0: (0.80, 0.91), 1: (0.84, 0.88)}, **{"model.terms": ["hhh"], "data|x": "sgd"})
FAILED = row("[red]", {})
FIGURES = [*figures_of(BASE), *figures_of(OCTUPLET, BASE)]


def printed(table, width=100):
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines()]


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
        ((math.nan, math.nan, "fraction"), "n/a"),
    ],
)
def test_amount(given, text):
    assert amount(*given) == text


def test_a_line_per_row_and_one_for_its_difference():
    names = ["base", "octuplet", "[red]"]
    rows = printed(render_study(FIGURES, names, [SEVEN, FOURTEEN], "Before and after", "base"))
    assert ["Before", "and", "after"] in rows
    assert ["row", "7", "px", "14", "px"] in rows
    assert ["set/far,", "cross,", "accuracy"] in rows  # what all columns share is said once
    lines = [line for line in rows if line[:1] in (["base"], ["octuplet"], ["to"], ["[red]"])]
    assert lines == [
        ["base", "71.00", "±", "1.41", "90.00", "±", "0.00"],
        ["octuplet", "82.00", "±", "2.83", "89.50", "±", "2.12"],
        ["to", "base", "+11.00", "±", "1.41", "-0.50", "±", "2.12"],
        ["[red]", "n/a", "n/a"],
        ["to", "base", "n/a", "n/a"],
    ]


def test_columns_that_differ_in_more_are_headed_by_it():
    eer = Column("set/far", "cross", "7 px", "eer")
    rows = printed(render_study(FIGURES, ["base"], [SEVEN, eer], "T", "base"))
    assert ["7", "px", "7", "px"] in [line[-4:] for line in rows]
    assert ["row", "accuracy", "eer"] in rows
    other = Column("set/near", "cross", "7 px")
    rows = printed(render_study(FIGURES, ["base"], [SEVEN, other], "T", "base"))
    assert ["set/", "set/"] in rows
    assert ["far", "near"] in rows


def test_without_a_base_there_are_no_differences():
    rows = printed(render_study(FIGURES, ["base", "octuplet"], [SEVEN], "T"))
    assert not [line for line in rows if line[:1] == ["to"]]
    assert "To" not in legend(FIGURES, None)


def test_the_legend_counts_the_seeds():
    assert "over 2 seeds." in legend(FIGURES, None)
    one = figures_of(row("a", {0: (0.5, 0.5)}))
    assert "over 1 seed." in legend(one, None)
    assert "over 1 to 2 seeds." in legend([*FIGURES, *one], None)


def test_markdown():
    rows = [BASE, OCTUPLET, FAILED]
    facts = {"seeds": "0, 1", "command": "facequal study a|b"}
    text = study_markdown(rows, FIGURES, [SEVEN, FOURTEEN], "Title", "base", facts, ["map.png"], ["x: broken"])
    lines = text.splitlines()
    assert lines[0] == "# Title"
    for line in (
        "| row | set/far, cross, 7 px | set/far, cross, 14 px |",
        "|---|---:|---:|",
        "| base | 71.00 ± 1.41 | 90.00 ± 0.00 |",
        "| octuplet | 82.00 ± 2.83 (+11.00 ± 1.41) | 89.50 ± 2.12 (-0.50 ± 2.12) |",
        "| [red] | n/a | n/a |",
        "![Title](map.png)",
        "- x: broken",
        '| octuplet | octuplet.yaml | model.terms: ["hhh"], data\\|x: sgd | 0, 1 |',
        "| [red] | octuplet.yaml |  | none |",
        "| command | facequal study a\\|b |",
    ):
        assert line in lines
    assert "## Failed" not in study_markdown(rows, FIGURES, [SEVEN], "Title", "base", facts)
