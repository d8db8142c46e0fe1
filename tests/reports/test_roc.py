import cv2
import numpy as np
import pytest
import torch

from facequal.metrics.roc import roc, tar_at_far
from facequal.reports.roc import draw_roc, roc_png


def scores_of(seed, num_pairs=400):
    generator = torch.Generator().manual_seed(seed)
    is_same = torch.arange(num_pairs) % 2 == 0
    return torch.randn(num_pairs, generator=generator) + is_same, is_same


def panel_lines(axis):
    return [line for line in axis.get_lines() if line.get_linestyle() == "-"]


def test_one_panel_per_set_and_condition_and_one_line_per_column():
    keys = [("lfw", "cross", "112 px"), ("lfw", "cross", "7 px"), ("lfw", "same", "7 px"), ("cfp", "cross", "14 px")]
    figure = draw_roc({key: roc(*scores_of(i)) for i, key in enumerate(keys)})
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
    (axis, *_) = draw_roc({("lfw", "cross", "7 px"): roc(*scores_of(0))}).axes
    assert axis.get_xscale() == "log"
    assert axis.get_xlim() == (1 / 200, 1)


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_line_is_tar_at_far(decimals):
    scores, is_same = scores_of(3)
    scores = scores.round(decimals=decimals)
    (axis, *_) = draw_roc({("lfw", "cross", "7 px"): roc(scores, is_same)}).axes
    (line,) = panel_lines(axis)
    assert line.get_drawstyle() == "steps-post"
    far, tar = (np.asarray(data) for data in line.get_data())
    assert far[0] >= 1 / 200
    assert (far[-1], tar[-1]) == (1, 1)
    for target in np.linspace(0.005, 1, 57):  # a line of steps holds each value until the next point
        drawn = tar[np.searchsorted(far, target, side="right") - 1]
        assert drawn == tar_at_far(scores, is_same, [target]).item()


def test_few_impostors_and_perfect_scores_can_be_drawn():
    curve = roc(torch.tensor([1.0, 0.5, 0.0]), torch.tensor([True, True, False]))
    picture = cv2.imdecode(np.frombuffer(roc_png({("lfw", "cross", "7 px"): curve}), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert min(picture.shape[:2]) > 300
    assert picture.std() > 5


def test_no_pyplot_state_is_touched_and_no_curves_are_an_error():
    from matplotlib import _pylab_helpers

    draw_roc({("lfw", "cross", "7 px"): roc(*scores_of(0))})
    assert not _pylab_helpers.Gcf.figs
    with pytest.raises(ValueError, match="no curves"):
        draw_roc({})
