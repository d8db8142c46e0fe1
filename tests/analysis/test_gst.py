"""Closed forms against autograd through the heads; what the maps hold."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facequal.analysis.gst import (
    AdaFaceScaling,
    ArcFaceScaling,
    CosFaceScaling,
    CurricularFaceScaling,
    GradientScaling,
    MagFaceScaling,
    SoftmaxScaling,
    SphereFaceScaling,
    published_scalings,
    scaling_map,
)
from facequal.models.heads import (
    AdaFaceHead,
    ArcFaceHead,
    CosFaceHead,
    CurricularFaceHead,
    MagFaceHead,
    MarginHead,
    SoftmaxHead,
    SphereFaceHead,
)

C = 6


def adaface() -> MarginHead:
    head = AdaFaceHead(C, C, s=8.0)
    head.batch_mean.fill_(20.0)
    head.batch_std.fill_(5.0)
    return head


def curricularface() -> MarginHead:
    head = CurricularFaceHead(C, C, s=8.0)
    head.t.fill_(0.25)
    return head


CASES: dict[str, tuple[GradientScaling, Callable[[], MarginHead]]] = {
    "softmax": (SoftmaxScaling(8.0), lambda: SoftmaxHead(C, C, s=8.0)),
    "cosface": (CosFaceScaling(8.0), lambda: CosFaceHead(C, C, s=8.0)),
    "arcface": (ArcFaceScaling(8.0), lambda: ArcFaceHead(C, C, s=8.0)),
    "sphereface": (SphereFaceScaling(8.0), lambda: SphereFaceHead(C, C, s=8.0)),
    "curricularface": (CurricularFaceScaling(8.0, t=0.25), curricularface),
    "magface": (MagFaceScaling(8.0), lambda: MagFaceHead(C, C, s=8.0)),
    "adaface": (AdaFaceScaling(8.0), adaface),
}


def features(num: int = 400) -> tuple[Tensor, Tensor, Tensor]:
    """Unit features, norms and labels; angles with a margin may be clipped, cosines are not."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(C, (num,), generator=generator)
    theta = torch.rand(num, generator=generator, dtype=torch.float64) * (math.pi - 0.2) + 0.1
    others = torch.randn(num, C, generator=generator, dtype=torch.float64)
    others.scatter_(1, labels[:, None], 0.0)
    others = others / others.norm(dim=1, keepdim=True)
    embedding = (others * theta.sin()[:, None]).scatter(1, labels[:, None], theta.cos()[:, None])
    norm = torch.rand(num, 1, generator=generator, dtype=torch.float64) * 120
    return embedding, norm, labels


@pytest.mark.parametrize("name", CASES)
def test_closed_forms_are_the_gradients_of_the_heads(name: str) -> None:
    """With orthonormal class weights a feature's coordinate y is its target cosine."""
    scaling, build = CASES[name]
    head = build().double().eval()
    with torch.no_grad():
        head.weight.copy_(torch.eye(C))
    embedding, norm, labels = features()
    embedding.requires_grad_()
    logits = head(embedding, norm, labels)
    torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()  # type: ignore[no-untyped-call]
    assert embedding.grad is not None
    target = labels[:, None]
    expected = embedding.grad.gather(1, target).squeeze(1)
    with torch.no_grad():
        theta = torch.acos(embedding.gather(1, target).squeeze(1))
        probability = torch.softmax(logits, dim=1).gather(1, target).squeeze(1)
        found = scaling(theta, norm.squeeze(1), probability)
        margined = scaling.margined_cosine(theta, norm.squeeze(1))
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-8)
    logged = head.loss(embedding, norm, labels).gradient_scaling
    torch.testing.assert_close(logged, expected, atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(8.0 * margined, logits.detach().gather(1, target).squeeze(1), atol=1e-8, rtol=1e-8)
    assert (found <= 0).all()
    assert (found < 0).double().mean() > 0.8


def test_hard_negatives_of_curricularface() -> None:
    """What enters the softmax in place of the others' cosines is what the head puts there."""
    scaling, head = CurricularFaceScaling(8.0, t=0.25), curricularface().double().eval()
    with torch.no_grad():
        head.weight.copy_(torch.eye(C))
        embedding, norm, labels = features()
        logits = head(embedding, norm, labels) / 8.0
    theta = torch.acos(embedding.gather(1, labels[:, None]))
    others = torch.ones_like(logits).scatter(1, labels[:, None], 0.0).bool()
    found = scaling.negatives(theta.expand(-1, C), embedding)
    torch.testing.assert_close(found[others], logits[others], atol=1e-8, rtol=1e-8)
    assert (found[others] != embedding[others]).double().mean() > 0.1


def test_maps_stay_within_the_clamp_of_the_heads() -> None:
    found = scaling_map(SphereFaceScaling(30.0), between=math.pi / 2)
    assert float(found.strength.max()) < 30 * 1.7 / math.sin(math.acos(1 - 1e-3))


def test_published_settings_are_those_of_the_heads() -> None:
    for name, scaling in published_scalings().items():
        head = {kind.__name__.removesuffix("Head").lower(): kind for kind in HEADS}[name.lower()](4, 4)
        for setting in ("m", "h", "lower_m", "upper_m", "lower_norm", "upper_norm"):
            if hasattr(scaling, setting):
                assert getattr(scaling, setting) == getattr(head, setting), (name, setting)


HEADS: list[Callable[..., MarginHead]] = [
    *(SoftmaxHead, CosFaceHead, ArcFaceHead, SphereFaceHead, CurricularFaceHead, MagFaceHead, AdaFaceHead)
]


def test_a_map_of_two_classes() -> None:
    """By hand at one place; ArcFace does not ask for the norm."""
    found = scaling_map(ArcFaceScaling(16.0), between=1.0, max_norm=30.0, num_angles=31, num_norms=5)
    assert found.strength.shape == (5, 31)
    assert found.norms.tolist() == [6, 12, 18, 24, 30]
    torch.testing.assert_close(found.strength[0], found.strength[-1])
    angle = float(found.angles[17])
    logits = torch.tensor([16 * math.cos(angle + 0.5), 16 * math.cos(angle - 1.0)], dtype=torch.float64)
    expected = 16 * (1 - torch.softmax(logits, 0)[0]) * math.sin(angle + 0.5) / math.sin(angle)
    torch.testing.assert_close(found.strength[2, 17], expected)


@pytest.mark.parametrize(("between", "max_norm"), [(0.0, 40.0), (1.6, 40.0), (math.nan, 40.0), (1.2, 0.0)])
def test_maps_that_make_no_sense(between: float, max_norm: float) -> None:
    with pytest.raises(ValueError, match=rf"between must be in \(0, pi/2\] .* got {between} and {max_norm}"):
        scaling_map(SoftmaxScaling(), between, max_norm)


def test_adaface_weighs_by_the_norm() -> None:
    """Hard samples beside easy ones count the more, the higher the norm is; ArcFace makes no difference."""

    def emphasis(scaling: GradientScaling, norm: float) -> float:
        found = scaling_map(scaling, between=1.2, max_norm=40.0)
        easy, hard = (int((found.angles - angle).abs().argmin()) for angle in (0.45, 1.2))
        row = int((found.norms - norm).abs().argmin())
        return float(found.strength[row, hard] / found.strength[row, easy])

    assert emphasis(AdaFaceScaling(), 32) > 2 * emphasis(AdaFaceScaling(), 8)
    assert emphasis(ArcFaceScaling(), 32) == pytest.approx(emphasis(ArcFaceScaling(), 8))
