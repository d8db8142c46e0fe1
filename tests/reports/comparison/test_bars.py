import math

import pytest

from facequal.reports.comparison.bars import PAIRS_ACROSS, bar_rows, draw_bars
from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError
from facequal.reports.statistics import change

COLUMNS = ["7 px", "14 px", "112 px"]


def table(accuracies, conditions=("cross-resolution",)):
    changes = [
        change((name, condition, column, "accuracy"), *pair)
        for name, pairs in accuracies.items()
        for condition in conditions
        for column, pair in zip(COLUMNS, pairs, strict=False)
    ]
    return ComparisonTable("", COLUMNS, changes)


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
    assert max(len(row.changes) for row in rows) <= PAIRS_ACROSS
    assert [name for row in rows[:2] for name in row.sets] == list(eight)


def test_bars_of_one_side_only_are_left_out():
    rows = list(bar_rows(table({"lfw": [([0.6], [math.nan]), ([0.6], [0.7])], "calfw": [([math.nan], [0.5])]})))
    assert [[(name, list(changes)) for name, changes in row.sets.items()] for row in rows] == [[("lfw", ["14 px"])]]
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
