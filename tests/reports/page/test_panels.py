"""What the lines of ROC and resolution pictures show."""

from pathlib import Path

import numpy as np
import pytest

from facequal.reports.notes import Notes
from facequal.reports.page.figures import protocol_tables
from facequal.reports.page.panels import (
    draw_resolution_lines,
    draw_roc_panels,
    line_styles,
    resolution_lines,
    roc_panels,
)
from facequal.reports.page.runs import Run, Seed
from tests.reports.comparison.made_reports import curve
from tests.reports.page.made_runs import results, run_of


def with_curves(name: str, *seeds: int, num_pairs: int = 200) -> Run:
    place = ("lfw", "cross-resolution", "7 px")
    made = {f"seed_{seed}": Seed(Path(name), curves={place: curve(seed, 1.0, num_pairs)}) for seed in seeds}
    return Run(name, Path(name), made)


def test_runs_have_styles_of_their_own() -> None:
    styles = line_styles([str(number) for number in range(30)])
    assert len({tuple(style.values()) for style in styles.values()}) == 30


def test_curves_over_other_pairs_are_in_another_picture() -> None:
    panels = roc_panels([with_curves("a", 0, 1), with_curves("b", 2), with_curves("c", 3, num_pairs=300)])
    assert [panel.title for panel in panels] == [
        "lfw, cross-resolution: 100 genuine and 100 impostor pairs",
        "lfw, cross-resolution: 150 genuine and 150 impostor pairs",
    ]
    assert {name: len(curves) for name, curves in panels[0].curves["7 px"].items()} == {"a": 2, "b": 1}


def test_roc_lines_are_means_of_seeds() -> None:
    (panels,) = roc_panels([with_curves("a", 0, 1), with_curves("b", 2)])
    (axis,) = draw_roc_panels(panels, line_styles(["a", "b"])).axes
    line = axis.lines[0]
    for far, tar in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True):
        of_seeds = [float(one.tar[one.far <= far].max()) for one in panels.curves["7 px"]["a"]]
        assert tar == pytest.approx(np.mean(of_seeds))
    assert (axis.get_title(), axis.get_xlabel()) == ("7 px", "FAR")


def test_resolution_lines_hold_the_figures() -> None:
    runs = [run_of("a", results([0.7, 0.9]), results([0.8, 0.9])), run_of("b", results([0.6, 0.95]))]
    (table,) = protocol_tables(runs, Notes())
    lines = resolution_lines(table)
    assert list(lines) == ["accuracy"]
    (axis,) = draw_resolution_lines(lines, line_styles(["a", "b"])).axes
    first, second = axis.containers
    assert list(first.lines[0].get_xdata()) == [7, 112]
    assert list(first.lines[0].get_ydata()) == pytest.approx([75.0, 90.0])
    (bar, _) = first.lines[2][0].get_segments()
    assert bar[:, 1] == pytest.approx([75 - 7.0711, 75 + 7.0711], abs=1e-3)
    assert second.lines[2] == ()


def test_metrics_of_different_rules_have_panels_of_their_own() -> None:
    (table,) = protocol_tables(
        [run_of("a", results([0.7, 0.9])), run_of("b", results([0.7, 0.9], rule="exact"))], Notes()
    )
    assert list(resolution_lines(table)) == [
        "accuracy (grid), n = 6,000, 10 folds",
        "accuracy (exact), n = 6,000, 10 folds",
    ]
