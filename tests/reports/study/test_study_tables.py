from rich.console import Console

from facequal.reports.results import Result
from facequal.reports.study.study_tables import legend, render_study, study_markdown
from facequal.reports.study.summary import Column, RowResults, study_figures, study_sections
from facequal.reports.tables import MAX_WIDTH

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
FIGURES = study_figures([BASE, OCTUPLET], "base")


def lines_of(table, width):
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def printed(table, width=100):
    return [line.split() for line in lines_of(table, width)]


def test_a_line_per_row_and_one_for_its_difference():
    names = ["base", "octuplet", "[red]"]
    rows = printed(render_study(FIGURES, names, [SEVEN, FOURTEEN], "Before and after", "base"))
    assert ["Before", "and", "after"] in rows
    start = rows.index(["set", "row", "7", "px", "14", "px"])
    assert rows[start + 2 : start + 7] == [
        ["set/", "base", "71.00", "±", "1.41", "90.00", "±", "0.00"],
        ["far", "octuplet", "82.00", "±", "2.83", "89.50", "±", "2.12"],
        ["cross", "to", "base", "+11.00", "±", "1.41", "-0.50", "±", "2.12"],
        ["[red]", "n/a", "n/a"],
        ["to", "base", "n/a", "n/a"],
    ]


def test_a_section_per_protocol_condition_and_metric():
    columns = [
        FOURTEEN,
        Column("set/far", "same", "7 px"),
        Column("set/far", "cross", "7 px", "eer"),
        SEVEN,
        Column("other", "cross", "112 px"),
    ]
    sections = study_sections(columns)
    assert list(sections) == [
        ("set/far", "cross"),
        ("set/far", "same"),
        ("set/far", "cross", "eer"),
        ("other", "cross"),
    ]
    assert list(sections["set/far", "cross"].items()) == [("7 px", SEVEN), ("14 px", FOURTEEN)]
    rows = printed(render_study(FIGURES, ["base", "octuplet"], columns, "T", "base"))
    assert ["set", "row", "7", "px", "14", "px", "112", "px"] in rows
    # Of the first section, "112 px" was not asked for; what was and is not there is "n/a".
    assert ["set/", "base", "71.00", "±", "1.41", "90.00", "±", "0.00"] in rows
    assert ["set/", "base", "n/a"] in rows
    assert ["far", "octuplet", "n/a"] in rows
    assert ["eer"] in [line[:1] for line in rows]
    assert ["other", "base", "n/a"] in rows


def test_five_resolutions_of_a_long_set_stay_narrow_and_lose_nothing():
    sizes = [f"{size} px" for size in (7, 14, 28, 56, 112)]
    columns = [Column("procedural/other-family", "cross-resolution", size) for size in sizes]
    names = ["base", "terms hhh+hll"]

    def table(num_seeds, names):
        rows = []
        for number, name in enumerate(names):
            value = 0.5 + 0.25 * number
            runs = {s: [Result(*c[:3], "accuracy", value + 0.01 * s) for c in columns] for s in range(num_seeds)}
            rows.append(RowResults(name, runs, "a.yaml", {}))
        figures = study_figures(rows, "base")
        return lines_of(render_study(figures, names, columns, "T", "base"), MAX_WIDTH)

    assert max(map(len, table(1, names))) <= 80
    lines = table(2, names)
    assert max(map(len, lines)) <= 110
    start = next(number for number, line in enumerate(lines) if "procedural/" in line)
    sides = [line.split()[0] for line in lines[start : start + 3]]
    assert sides == ["procedural/", "other-family", "cross-resolution"]
    assert sum(line.count("+25.00 ± 0.00") for line in lines) == 5
    long = table(2, ["base", "a very long name " * 7])
    assert max(map(len, long)) <= MAX_WIDTH
    assert sum(line.count("+25.00 ± 0.00") for line in long) == 5
    assert "…" not in "".join(long)


def test_without_a_base_there_are_no_differences():
    rows = printed(render_study(FIGURES, ["base", "octuplet"], [SEVEN], "T"))
    assert not [line for line in rows if "to" in line]
    assert "To" not in legend(FIGURES, None)


def test_the_legend_counts_the_seeds():
    assert "over 2 seeds." in legend(FIGURES, None)
    one = study_figures([row("a", {0: (0.5, 0.5)})])
    assert legend(one, None) == "Fractions in percent, of one seed."
    assert legend(one, "base") == "Fractions in percent, of one seed. To base: differences in percentage points."
    assert legend([], None) == "Fractions in percent, of no seed."
    assert "over 1 to 2 seeds." in legend([*FIGURES, *one], None)
    # Only figures that are shown count.
    rows = printed(render_study([*FIGURES, *one], ["a"], [Column("set/far", "cross", "7 px", "eer")], "T"))
    assert "seed." in [word for line in rows for word in line]


def test_markdown():
    rows = [BASE, OCTUPLET, FAILED]
    facts = {"seeds": "0, 1", "command": "facequal study a|b"}
    text = study_markdown(rows, FIGURES, [SEVEN, FOURTEEN], "Title", "base", facts, ["map.png"], ["x: broken"])
    lines = text.splitlines()
    assert lines[0] == "# Title"
    for line in (
        "## set/far, cross",
        "| row | 7 px | 14 px |",
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


def test_markdown_has_a_table_per_section():
    same = Column("set/far", "sa|me", "7 px", "eer")
    text = study_markdown([BASE], FIGURES, [FOURTEEN, same, SEVEN], "T|t", "base", {})
    assert "\n\n## set/far, cross\n\n| row | 7 px | 14 px |\n|---|---:|---:|\n| base | 71.00 ± 1.41 |" in text
    assert "\n\n## set/far, sa\\|me, eer\n\n| row | 7 px |\n|---|---:|\n| base | n/a |\n" in text
    assert text.startswith("# T\\|t\n\nFractions in percent, mean ± ")


def test_more_resolutions_than_fit_are_broken_between_words():
    columns = [Column("set", "cross", f"{size} px") for size in range(10, 22)]
    runs = {seed: [Result(*column[:3], "accuracy", 0.7 + 0.02 * seed) for column in columns] for seed in (0, 1)}
    figures = study_figures([RowResults("a", runs, "a.yaml", {})])
    words = [word for line in lines_of(render_study(figures, ["a"], columns, "T"), MAX_WIDTH) for word in line.split()]
    assert (words.count("71.00"), words.count("1.41"), words.count("…")) == (12, 12, 0)
