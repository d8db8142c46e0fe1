"""Maps of gradient scaling side by side."""

import math

import pytest

from facequal.analysis.gst import AdaFaceScaling, SoftmaxScaling, published_scalings
from facequal.analysis.gst_drawings import draw_scaling_maps


def test_maps_are_drawn_side_by_side() -> None:
    figure = draw_scaling_maps(published_scalings())
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["softmax", "CosFace", "ArcFace", "SphereFace", "CurricularFace", "MagFace", "AdaFace"]


def test_all_maps_share_one_scale_in_units_of_s() -> None:
    figure = draw_scaling_maps({"weak": SoftmaxScaling(8.0), "strong": SoftmaxScaling(64.0)}, columns=2)
    limits = {mesh.get_clim() for axes in figure.axes[:2] for mesh in axes.collections}
    assert len(limits) == 1
    assert limits.pop() == (0, pytest.approx(1, abs=0.01))  # (1 - P) s / s


def test_the_mean_norm_of_adaface_is_a_circle() -> None:
    figure = draw_scaling_maps({"softmax": SoftmaxScaling(), "AdaFace": AdaFaceScaling(mean=12.0)}, between=1.0)
    plain, adaptive = figure.axes[:2]
    assert len(adaptive.lines) == len(plain.lines) + 1
    assert set(adaptive.lines[-1].get_ydata()) == {12.0}
    assert (adaptive.get_thetamin(), adaptive.get_thetamax()) == (math.degrees(-1), math.degrees(2))
