import cv2
import numpy as np
import pytest
import torch

from facequal.metrics.roc import roc_curve
from facequal.reports.comparison.changes import ComparisonTable
from facequal.reports.png import png
from facequal.reports.roc import draw_compared_roc, draw_roc, mean_steps
from facequal.reports.statistics import change
from tests.reports.comparison.made_reports import curve

COLUMNS = ["7 px", "14 px", "112 px"]


def scores_of(seed, num_pairs=400):
    generator = torch.Generator().manual_seed(seed)
    is_same = torch.arange(num_pairs) % 2 == 0
    return torch.randn(num_pairs, generator=generator) + is_same, is_same


def panel_lines(axis):
    return [line for line in axis.get_lines() if line.get_linestyle() == "-"]


def test_one_panel_per_set_and_condition_and_one_line_per_column():
    keys = [("lfw", "cross", "112 px"), ("lfw", "cross", "7 px"), ("lfw", "same", "7 px"), ("cfp", "cross", "14 px")]
    figure = draw_roc({key: roc_curve(*scores_of(i)) for i, key in enumerate(keys)})
    drawn = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in drawn] == ["lfw, cross", "lfw, same", "cfp, cross"]
    assert [len(panel_lines(axis)) for axis in drawn] == [2, 1, 1]
    assert len(figure.axes) == 4  # two by two, the last one empty
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["7 px", "14 px", "112 px", "chance"]
    # A column has one colour in all panels, that of the legend.
    colours = [handle.get_color() for handle in legend.legend_handles]
    assert panel_lines(drawn[0])[0].get_color() == panel_lines(drawn[1])[0].get_color() == colours[0]
    assert len(set(map(tuple, colours[:3]))) == 3


def test_the_axis_is_logarithmic_from_one_impostor_on():
    (axis, *_) = draw_roc({("lfw", "cross", "7 px"): roc_curve(*scores_of(0))}).axes
    assert axis.get_xscale() == "log"
    assert axis.get_xlim() == (1 / 200, 1)


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_line_is_tar_at_far(decimals):
    scores, is_same = scores_of(3)
    scores = scores.round(decimals=decimals)
    (axis, *_) = draw_roc({("lfw", "cross", "7 px"): roc_curve(scores, is_same)}).axes
    (line,) = panel_lines(axis)
    assert line.get_drawstyle() == "steps-post"
    far, tar = (np.asarray(data) for data in line.get_data())
    assert far[0] >= 1 / 200
    assert (far[-1], tar[-1]) == (1, 1)
    for target in np.linspace(0.005, 1, 57):  # a line of steps holds each value until the next point
        drawn = tar[np.searchsorted(far, target, side="right") - 1]
        assert drawn == roc_curve(scores, is_same).tar_at_far([target]).item()


def test_few_impostors_and_perfect_scores_can_be_drawn():
    few = roc_curve(torch.tensor([1.0, 0.5, 0.0]), torch.tensor([True, True, False]))
    content = png(draw_roc({("lfw", "cross", "7 px"): few}))
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert min(picture.shape[:2]) > 300
    assert picture.std() > 5


def test_no_pyplot_state_is_touched_and_no_curves_are_an_error():
    from matplotlib import _pylab_helpers

    draw_roc({("lfw", "cross", "7 px"): roc_curve(*scores_of(0))})
    assert not _pylab_helpers.Gcf.figs
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_roc({})


def eers(*sections):
    changes = [change((*section, column, "eer"), [0.25], [0.125]) for section in sections for column in COLUMNS]
    return ComparisonTable("", COLUMNS, changes, metric="eer")


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
