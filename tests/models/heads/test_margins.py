import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facequal.models.heads import margins

COSINES = [-0.99, -0.6, -0.2, 0.0, 0.3, 0.75, 0.99]


def scalar_arcface(cosine: float, m: float) -> float:
    return math.cos(min(max(math.acos(cosine) + m, 1e-4), math.pi - 1e-4))


def scalar_monotone(cosine: float, m: float) -> float:
    if cosine > math.cos(math.pi - m):
        return math.cos(math.acos(cosine) + m)
    return cosine - m * math.sin(math.pi - m)


def scalar_sphereface(cosine: float, m: float) -> float:
    theta = math.acos(cosine)
    k = int(m * theta // math.pi)
    return (-1) ** k * math.cos(m * theta) - 2 * k


def scalar_adaface(cosine: float, z: float, m: float) -> float:
    theta = min(max(math.acos(cosine) - m * z, 1e-3), math.pi - 1e-3)
    return math.cos(theta) - (m + m * z)


@pytest.mark.parametrize(
    ("function", "scalar"),
    [
        (lambda c: margins.cosface(c, 0.35), lambda c: c - 0.35),
        (lambda c: margins.arcface(c, 0.5), lambda c: scalar_arcface(c, 0.5)),
        (lambda c: margins.arcface_monotone(c, 0.5), lambda c: scalar_monotone(c, 0.5)),
        (lambda c: margins.sphereface(c, 1.7), lambda c: scalar_sphereface(c, 1.7)),
        (lambda c: margins.sphereface(c, 4.0), lambda c: scalar_sphereface(c, 4.0)),
        (lambda c: margins.magface(c, torch.full_like(c, 0.6)), lambda c: math.cos(math.acos(c) + 0.6) if c > 0 else c),
        (lambda c: margins.magface(c, torch.full_like(c, 0.6), False), lambda c: scalar_monotone(c, 0.6)),
        (lambda c: margins.adaface(c, torch.full_like(c, -1.0), 0.4), lambda c: scalar_adaface(c, -1.0, 0.4)),
        (lambda c: margins.adaface(c, torch.full_like(c, 0.3), 0.4), lambda c: scalar_adaface(c, 0.3, 0.4)),
        (lambda c: margins.adaface(c, torch.full_like(c, 1.0), 0.4), lambda c: scalar_adaface(c, 1.0, 0.4)),
    ],
)
def test_margins_equal_scalar_formulas(function: Callable[[Tensor], Tensor], scalar: Callable[[float], float]) -> None:
    margined = function(torch.tensor(COSINES, dtype=torch.float64))
    assert margined.tolist() == pytest.approx([scalar(c) for c in COSINES], abs=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda c: margins.cosface(c, 0.35),
        lambda c: margins.arcface(c, 0.5),
        lambda c: margins.arcface_monotone(c, 0.5),
        lambda c: margins.sphereface(c, 1.7),
        lambda c: margins.magface(c, torch.full_like(c, 0.6)),
        lambda c: margins.magface(c, torch.full_like(c, 0.6), False),
        lambda c: margins.adaface(c, torch.full_like(c, 0.7), 0.4),
    ],
)
def test_gradient_is_true_and_finite_at_the_ends(function: Callable[[Tensor], Tensor]) -> None:
    inside = torch.tensor([-0.9, -0.5, 0.1, 0.6, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, inside)
    ends = torch.tensor([-1.0, 1.0], requires_grad=True)
    margined = function(ends)
    assert margined.isfinite().all()
    (gradient,) = torch.autograd.grad(margined.sum(), ends)
    assert gradient.isfinite().all()


def test_clamps_of_the_released_code() -> None:
    cosine = torch.tensor([0.9985, 0.9995], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(margins.adaface(cosine, torch.zeros(2), 0.4).sum(), cosine)
    assert gradient.tolist() == pytest.approx([1.0, 0.0])
    # cos(theta + m) stops at theta + m = pi - eps instead of rising again.
    far = torch.tensor([-0.99], dtype=torch.float64)
    assert margins.arcface(far, 0.5).item() == pytest.approx(math.cos(math.pi - 1e-4))


@pytest.mark.parametrize(
    "function",
    [lambda c: margins.sphereface(c, 1.7), lambda c: margins.arcface_monotone(c, 0.5)],
    ids=["sphere", "arc"],
)
def test_monotone_forms_rise_with_the_cosine(function: Callable[[Tensor], Tensor]) -> None:
    margined = function(torch.linspace(-0.999, 0.999, 5001, dtype=torch.float64))
    assert (margined.diff() > 0).all()
    assert (margined <= torch.linspace(-0.999, 0.999, 5001, dtype=torch.float64) + 1e-9).all()


def gradient_of(function: Callable[[Tensor], Tensor], cosine: Tensor) -> Tensor:
    leaf = cosine.clone().requires_grad_()
    return torch.autograd.grad(function(leaf).sum(), leaf)[0]


@pytest.mark.parametrize("m", [0.5, -0.28, 0.13])
def test_gradient_scaling_term_of_angular_margins(m: float) -> None:
    # d cos(theta + m) / d cos(theta) = cos m + cos(theta) sin m / sqrt(1 - cos^2 theta); AdaFace: m -> -m z (Eq. 12).
    cosine = torch.linspace(-0.7, 0.9, 33, dtype=torch.float64)
    expected = math.cos(m) + cosine * math.sin(m) / (1 - cosine**2).sqrt()
    for function in (
        lambda c: margins.arcface(c, m),
        lambda c: margins.arcface_monotone(c, abs(m)) if m > 0 else margins.arcface(c, m),
        lambda c: margins.adaface(c, torch.full_like(c, -m / 0.5), 0.5),
    ):
        torch.testing.assert_close(gradient_of(function, cosine), expected)


def test_gradient_scaling_term_of_sphereface() -> None:
    m = 1.7
    cosine = torch.linspace(-0.95, 0.9, 33, dtype=torch.float64)
    theta = cosine.acos()
    expected = m * (-1) ** torch.floor(m * theta / math.pi) * torch.sin(m * theta) / torch.sin(theta)
    torch.testing.assert_close(gradient_of(lambda c: margins.sphereface(c, m), cosine), expected)


def test_curricularface_negatives() -> None:
    cosines = torch.tensor([[0.5, 0.2, 0.9], [0.1, -0.3, 0.4]], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.25], dtype=torch.float64)
    changed = margins.curricularface_negatives(cosines, torch.tensor([0.4, 0.0]), t, torch.tensor([2, 0]))
    expected = [[0.5 * 0.75, 0.2, 0.9], [0.1, -0.3, 0.4 * 0.65]]
    torch.testing.assert_close(changed, torch.tensor(expected, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(changed.sum(), cosines)
    expected_gradient = [[0.25 + 2 * 0.5, 1.0, 1.0], [1.0, 1.0, 0.25 + 2 * 0.4]]
    torch.testing.assert_close(gradient, torch.tensor(expected_gradient, dtype=torch.float64))


def test_magface_margin_and_regulariser() -> None:
    norm = torch.tensor([1.0, 20.0, 60.0, 100.0, 500.0], dtype=torch.float64, requires_grad=True)
    margin = margins.magface_margin(norm, 10, 110, 0.45, 0.8)
    assert margin.tolist() == pytest.approx([0.45, 0.485, 0.625, 0.765, 0.8])
    (slope,) = torch.autograd.grad(margin.sum(), norm)
    assert slope.tolist() == pytest.approx([0, 0.0035, 0.0035, 0.0035, 0])
    penalty = margins.magface_regulariser(norm, 10, 110)
    assert penalty.tolist() == pytest.approx([a / 110**2 + 1 / a for a in (10, 20, 60, 100, 110)])
    assert margins.magface_regulariser(torch.zeros(1), 10, 110).isfinite().all()


def test_image_quality() -> None:
    norm = torch.tensor([5.0, 20.0, 24.0, 1e6], requires_grad=True)
    z = margins.image_quality(norm, torch.tensor([20.0]), torch.tensor([4.0]), h=0.333)
    assert z.tolist() == pytest.approx([-1.0, 0.0, 0.333 * 4 / 4.001, 1.0])
    assert not z.requires_grad
    assert margins.image_quality(norm, torch.tensor([20.0]), torch.zeros(1), h=0.333).isfinite().all()


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 0.0), (0.25, 0.0), (0.425, 0.5), (0.6, 1.0), (1.0, 1.0)])
def test_margin_ramp(progress: float, factor: float) -> None:
    assert margins.margin_ramp(progress) == pytest.approx(factor)


def test_margin_ramp_as_a_step_and_its_error() -> None:
    assert [margins.margin_ramp(p, 0.5, 0.5) for p in (0.49, 0.5)] == [0.0, 1.0]
    assert margins.margin_ramp(0.0, 0.0, 0.0) == 1.0
    with pytest.raises(ValueError, match=r"0 <= start <= end, got start=0\.6, end=0\.2"):
        margins.margin_ramp(0.1, 0.6, 0.2)
