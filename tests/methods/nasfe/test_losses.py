"""Terms on features, against formulas and where the angle's usual form has no gradient; the watch over all terms."""

import math
import warnings

import pytest
import torch

from facequal.methods.nasfe.losses import TermWatch, identity_loss, perceptual_loss

GENERATOR = torch.Generator().manual_seed(0)


def features(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=GENERATOR, dtype=torch.float64)


def test_perceptual_loss_is_a_mean_per_picture():
    restored, clean = features(3, 4, 2, 5), features(3, 4, 2, 5)
    for p in (1, 2):
        expected = [float(((a - b).abs() ** p).mean()) for a, b in zip(restored, clean, strict=True)]
        assert perceptual_loss(restored, clean, p).tolist() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="p must be 1 or 2, got 3"):
        perceptual_loss(restored, clean, 3)
    with pytest.raises(ValueError, match="features of restored and clean pictures differ"):
        perceptual_loss(restored, clean[:, :3])
    assert perceptual_loss(restored.bfloat16(), clean.bfloat16()).dtype == torch.float32


def test_identity_loss_is_the_mean_angle_with_the_references_there_are():
    restored, references = features(3, 4, 2, 2) - 0.5, features(3, 5, 4, 2, 2) - 0.5
    numbers = torch.tensor([5, 2, 0])
    expected = []
    for u, row, number in zip(restored, references, numbers.tolist(), strict=True):
        cosines = [torch.cosine_similarity(u.flatten(), v.flatten(), dim=0) for v in row[:number]]
        expected.append(sum(math.acos(float(cosine)) for cosine in cosines) / max(1, number))
    assert identity_loss(restored, references, numbers).tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_its_gradient_is_finite_everywhere(factor):
    """Also where restored and reference are the same, opposite, or nothing."""
    reference = features(1, 1, 3, 2, 2)
    restored = (factor * reference[:, 0]).requires_grad_()
    loss = identity_loss(restored, reference, torch.tensor([1]))
    loss.sum().backward()
    assert restored.grad.isfinite().all()
    assert float(loss.detach()) == pytest.approx({1.0: 0.0, -1.0: math.pi, 0.0: math.pi / 2}[factor], abs=1e-2)


def test_its_gradient_is_that_of_the_angle():
    restored, references = features(2, 3, 2, 2).requires_grad_(), features(2, 2, 3, 2, 2)

    def by_acos(x: torch.Tensor) -> torch.Tensor:
        u = torch.nn.functional.normalize(x.flatten(1), dim=1).unsqueeze(1)
        v = torch.nn.functional.normalize(references.flatten(2), dim=2)
        return torch.acos((u * v).sum(2)).mean(1)

    (expected,) = torch.autograd.grad(by_acos(restored).sum(), restored)
    (gradient,) = torch.autograd.grad(identity_loss(restored, references, torch.tensor([2, 2])).sum(), restored)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-3)


def watched(**terms: float) -> None:
    watch = TermWatch("l2", num_steps=2)
    for step in range(5):
        watch.see(step, {name: torch.tensor(value * (step + 1)) for name, value in terms.items()})


def test_large_terms_are_warned_of_once() -> None:
    with pytest.warns(
        UserWarning, match="perceptual term of the loss was 20 times the l2 term over the first 2 steps"
    ) as caught:
        watched(l2=1.0, perceptual=20.0, identity=5.0)
    assert len(caught) == 1


def test_terms_of_moderate_size_are_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watched(l2=1.0, perceptual=9.0)
