"""What the page shows of the tests."""

from collections.abc import Sequence
from typing import Any

from facequal.reports.notes import Notes
from facequal.reports.page.figures import protocol_tables
from facequal.reports.page.measurements import resolution_section, roc_section, tables_section
from facequal.reports.page.panels import line_styles
from facequal.reports.page.runs import Run, Seed
from facequal.reports.results import Result
from tests.reports.comparison.made_reports import curve
from tests.reports.page.made_runs import results, run_of


def section_of(*runs: Run) -> dict[str, Any]:
    return tables_section(runs, protocol_tables(runs, Notes()))


def cells_of(section: dict[str, Any], group: int = 0) -> dict[str, list[tuple[str, bool]]]:
    """Text of each cell, and whether it is the best, by run."""
    _, rows = section["protocols"][0][1][group]
    return {name: [(cell["text"], cell["is_best"]) for cell in cells] for name, *cells in rows}


def test_means_spreads_and_the_best() -> None:
    section = section_of(run_of("many", results([0.7, 0.9]), results([0.8, 0.9])), run_of("one", results([0.8, 0.9])))
    assert cells_of(section) == {
        "many": [("75.00 ± 7.07", False), ("90.00 ± 0.00", False)],
        "one": [("80.00", True), ("90.00", False)],
    }
    assert [label for label, _ in section["protocols"][0][1]] == [
        "accuracy (grid), n = 6,000, 10 folds",
        "eer, n = 6,000",
    ]
    assert (section["has_spread"], section["has_best"]) == (True, True)
    (rule,) = section["rules"]
    assert rule.startswith("Accuracy by the grid rule")


def test_figures_that_some_seeds_lack() -> None:
    section = section_of(
        run_of("gaps", results([0.7, 0.9]), results([0.8, 0.9])[2:]),
        run_of("short", results([0.7, 0.9])[2:]),
        run_of("fit", []),
    )
    assert cells_of(section) == {
        "gaps": [("70.00 (1 of 2 seeds)", False), ("90.00 ± 0.00", False)],
        "short": [("n/a", False), ("90.00", False)],
    }


def test_modes_are_named_and_other_sets_are_told() -> None:
    def restored(value: float, mode: str) -> Sequence[Result]:
        return [Result("Test-B", "B", f"restored ({mode})", "psnr", value, num=10, rule="rgb", unit="dB")]

    section = section_of(
        run_of("a", restored(20.0, "refs")),
        run_of("b", restored(21.0, "self")),
        run_of("c", results([0, 1])),
    )
    assert cells_of(section) == {"a": [("20.00 dB [refs]", False)], "b": [("21.00 dB [self]", True)]}
    assert [(table.title, table.absent) for table, _ in section["protocols"]] == [
        ("Test-B, B", ["c"]),
        ("lfw, cross-resolution", ["a", "b"]),
    ]
    assert not section["has_spread"]


def test_nothing_to_show() -> None:
    run = run_of("fit", [])
    assert section_of(run) == roc_section([run], {}) == resolution_section([], {}) == {}
    single = run_of("single", results([0.7, 0.9])[:2])  # one size
    assert resolution_section(protocol_tables([single], Notes()), line_styles(["single"])) == {}


def test_drawings_are_described() -> None:
    run = run_of("a", results([0.7, 0.9]))
    (drawing,) = resolution_section(protocol_tables([run], Notes()), line_styles(["a"]))["drawings"]
    assert drawing.caption == "lfw, cross-resolution"
    assert drawing.alt == (
        "accuracy against the resolution in pixels on lfw, cross-resolution; the figures are in its table."
    )
    curves = {("lfw", "cross-resolution", column): curve(0) for column in ("112 px", "7 px")}
    tested = Run("a", run.path, {"": Seed(run.path, curves=curves)})
    (drawing,) = roc_section([tested], line_styles(["a"]))["drawings"]
    assert drawing.alt == (f"ROC curves, TAR against FAR, of a on {drawing.caption}; panels: 7 px, 112 px.")
    assert drawing.uri.startswith("data:image/png;base64,")
