import math

import numpy as np
import pytest
import torch

from facequal.reports.comparison.bars import PAIRS_ACROSS, bar_rows, draw_bars
from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError, Section
from facequal.reports.roc import draw_compared_roc, mean_steps
from facequal.reports.seeds import change
from tests.reports.comparison.made_reports import curve

COLUMNS = ["7 px", "14 px", "112 px"]


def eers(*sections):
    cells = {column: change([0.25], [0.125]) for column in COLUMNS}
    return ComparisonTable("", COLUMNS, [Section(*section, cells) for section in sections], metric="eer")


def curves(seed, *sections, columns=COLUMNS):
    return {(*s, c): curve(seed + 10 * i + j) for i, s in enumerate(sections) for j, c in enumerate(columns)}


def lines(axis, style):
    return [line for line in axis.get_lines() if line.get_linestyle() == style]


def test_roc_before_is_dashed_and_after_solid_in_one_colour():
    sections = [("lfw", "cross-resolution"), ("lfw", "same-resolution"), ("calfw", "cross-resolution")]
    figure = draw_compared_roc([curves(0, *sections)], [curves(50, *sections)], eers(*sections))
    drawn = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in drawn] == [", ".join(section) for section in sections]
    for axis in drawn:
        assert axis.get_xscale() == "log"
        assert axis.get_xlim() == (1 / 100, 1)  # 100 impostor pairs
        colours = [[line.get_color() for line in lines(axis, style)] for style in ("--", "-")]
        assert colours[0] == colours[1]
        assert len(set(colours[0])) == 3
        texts = [text.get_text() for text in axis.get_legend().get_texts()]
        assert texts == [f"{column}: 25.00 → 12.50" for column in COLUMNS]
    before = curves(0, *sections)[(*sections[0], "7 px")]
    (line, *_) = lines(drawn[0], "--")
    far, tar = map(np.asarray, line.get_data())
    for target in np.linspace(0.01, 1, 37):
        assert tar[np.searchsorted(far, target, side="right") - 1] == before.tar_at_far([target]).item()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after", "chance"]


def test_roc_draws_what_both_have():
    section = ("lfw", "cross-resolution")
    figure = draw_compared_roc([curves(0, section)], [curves(1, section, columns=["7 px", "14 px"])], eers(section))
    (axis,) = figure.axes
    assert [len(lines(axis, style)) for style in ("--", "-")] == [2, 2]
    with pytest.raises(ValueError, match="calfw, cross-resolution: no resolution has a curve in all reports"):
        draw_compared_roc([curves(0, section)], [curves(1, section)], eers(("calfw", "cross-resolution")))


def test_mean_of_seeds_is_the_mean_tar():
    seeds = [curve(seed) for seed in range(3)]
    far, tar = map(np.asarray, mean_steps(seeds, 1 / 100))
    assert far[0] == 1 / 100
    assert (far[-1], tar[-1]) == (1, 1)
    for target in np.linspace(0.01, 1, 61):
        expected = torch.stack([one.tar_at_far([target]) for one in seeds]).mean().item()
        assert tar[np.searchsorted(far, target, side="right") - 1] == pytest.approx(expected, abs=1e-12)
    # With fewer impostors than 1 / left, the TAR without any false acceptance is drawn.
    few = curve(0, num_pairs=8)
    assert mean_steps([few], 0.1)[1][0] == few.tar[few.far == 0].max().item()


def table(accuracies, conditions=("cross-resolution",)):
    sections = [
        Section(name, condition, {column: change(*pair) for column, pair in zip(COLUMNS, pairs, strict=False)})
        for name, pairs in accuracies.items()
        for condition in conditions
    ]
    return ComparisonTable("", COLUMNS, sections)


def bar_data(figure):
    return [
        [(round(bar.get_x() + bar.get_width() / 2, 6), bar.get_height()) for bar in group]
        for axis in figure.axes
        for group in axis.containers
        if hasattr(group, "patches")
    ]


def test_bars_heights_places_and_deltas():
    figure = draw_bars(table({"lfw": [([0.7], [0.9]), ([0.8], [0.75]), ([0.95], [0.95])], "calfw": [([0.6], [0.7])]}))
    before, after = bar_data(figure)
    assert [height for _, height in before] == pytest.approx([70, 80, 95, 60])
    assert [height for _, height in after] == pytest.approx([90, 75, 95, 70])
    assert all(a[0] == pytest.approx(b[0] + 0.4) for a, b in zip(after, before, strict=True))
    (axis,) = figure.axes
    assert axis.get_ylim()[0] == 50
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["lfw", "calfw", "+20.0", "-5.0", "+0.0", "+10.0"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["7", "14", "112", "7"]
    assert before[3][0] - before[2][0] > before[2][0] - before[1][0]  # a gap between sets


def test_bars_reach_below_chance_where_needed():
    figure = draw_bars(table({"lfw": [([0.42], [0.9])]}))
    assert figure.axes[0].get_ylim()[0] == pytest.approx(40)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["chance", "before", "after"]
    spread = draw_bars(table({"lfw": [([0.48, 0.56], [0.9, 0.9])]}))
    assert spread.axes[0].get_ylim()[0] == pytest.approx(45)
    assert len(spread.axes[0].collections) == 1  # whiskers, of the bars that have a spread
    assert not draw_bars(table({"lfw": [([0.6], [0.9])]})).axes[0].collections


def test_many_sets_share_rows_evenly():
    eight = {f"set {number}": [([0.6], [0.7])] * 3 for number in range(13)}
    rows = list(bar_rows(table(eight, ("cross-resolution", "same-resolution"))))
    assert [(row.condition, len(row.sets)) for row in rows] == [
        ("cross-resolution", 7),
        ("cross-resolution", 6),
        ("same-resolution", 7),
        ("same-resolution", 6),
    ]
    assert max(row.num_pairs for row in rows) <= PAIRS_ACROSS
    assert [one.name for row in rows[:2] for one in row.sets] == list(eight)


def test_bars_of_one_side_only_are_left_out():
    rows = list(bar_rows(table({"lfw": [([0.6], [math.nan]), ([0.6], [0.7])], "calfw": [([math.nan], [0.5])]})))
    assert [[(one.name, list(one.changes)) for one in row.sets] for row in rows] == [[("lfw", ["14 px"])]]
    with pytest.raises(NotMeasuredError, match="no accuracy is there both before and after"):
        draw_bars(table({"lfw": [([0.6], [math.nan])]}))


def test_no_text_lies_on_another():
    accuracies = {name: [([0.72, 0.7], [0.91, 0.9]), ([0.9] * 2, [0.95] * 2), ([0.99] * 2, [0.9] * 2)] for name in "ab"}
    figure = draw_bars(table(accuracies, ("cross-resolution", "same-resolution")))
    figure.draw_without_rendering()  # runs the layout
    boxes = []
    for axis in figure.axes:
        texts = [*axis.texts, *axis.get_xticklabels(), axis.title]
        boxes += [text.get_window_extent() for text in texts if text.get_text()]
    overlaps = [(i, j) for i, one in enumerate(boxes) for j, other in enumerate(boxes[:i]) if one.overlaps(other)]
    assert len(boxes) == 2 * (2 + 6 + 6 + 1)
    assert overlaps == []
