import math

import pytest
import torch
from scipy import stats

from facequal.methods.qgface.partition import classification_gate, contrastive_gate, gated_loss, unit_quality
from facequal.models.heads.margins import image_quality

NAN = math.nan


def test_quality_is_z_scaled_to_the_unit_interval() -> None:
    z = torch.tensor([-1.0, -0.6, 0.0, 1.0], requires_grad=True)
    quality = unit_quality(z)
    assert quality.tolist() == pytest.approx([0.0, 0.2, 0.5, 1.0])
    assert not quality.requires_grad


def test_the_threshold_is_at_1_8_standard_deviations_below_the_mean() -> None:
    mean, std = torch.tensor(20.0), torch.tensor(5.0)
    norms = torch.tensor([20 - 1.79 * 5, 20 - 1.82 * 5])
    quality = unit_quality(image_quality(norms, mean, std, h=0.333))
    assert classification_gate(quality).tolist() == [1.0, 0.0]
    norms = torch.tensor(stats.norm(20, 5).ppf((torch.arange(1000) + 0.5) / 1000))
    low = classification_gate(unit_quality(image_quality(norms, mean, std, h=0.333))) == 0
    assert float(low.double().mean()) == pytest.approx(stats.norm.cdf(-1.8), abs=0.002)


def test_hard_gate_is_open_above_the_threshold_only() -> None:
    quality = torch.tensor([0.0, 0.25, 0.26, 1.0, NAN], dtype=torch.float64)
    gate = classification_gate(quality, 0.25)
    assert gate.tolist() == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert gate.dtype == torch.float64


def test_soft_gate_is_the_released_sigmoid_of_z() -> None:
    z = torch.linspace(-1, 1, 41, dtype=torch.float64)
    gate = classification_gate(unit_quality(z), 0.2, "soft")
    expected = [1 / (1 + math.exp(-64 * (value + 1 - 2 * 0.2))) for value in z.tolist()]
    assert gate.tolist() == pytest.approx(expected, rel=1e-6)
    steep = classification_gate(torch.tensor([0.19, 0.21]), 0.2, "soft", sharpness=1e4)
    assert steep.tolist() == [0.0, 1.0]


def test_pair_quality() -> None:
    augmented, original = torch.tensor([0.1, 0.2, 0.1, 0.5, 0.9]), torch.tensor([0.1, 0.6, 0.25, 0.1, 0.8])
    assert contrastive_gate(augmented, original, 0.2).tolist() == [1, 1, 1, 1, 0]
    assert contrastive_gate(augmented, original, 0.2, "low").tolist() == [1, 1, 1, 1, 0]
    assert contrastive_gate(augmented, original, 0.2, "mean").tolist() == [1, 0, 1, 0, 0]
    assert contrastive_gate(augmented, original, 0.2, "high").tolist() == [1, 0, 0, 0, 0]
    assert contrastive_gate(original, augmented, 0.2, "low").tolist() == [1, 1, 1, 1, 0]


def test_the_two_hard_gates_share_the_samples_out() -> None:
    quality = torch.rand(500, generator=torch.Generator().manual_seed(0))
    quality[:3] = 0.2
    total = classification_gate(quality, 0.2) + contrastive_gate(quality, quality, 0.2)
    assert (total == 1).all()


def test_gates_have_no_gradient() -> None:
    quality = torch.tensor([0.1, 0.6], requires_grad=True)
    for threshold in (0.0, 0.2):
        assert not classification_gate(quality, threshold).requires_grad
        assert not classification_gate(quality, threshold, "soft").requires_grad
        assert not contrastive_gate(quality, quality, threshold).requires_grad


def test_a_samples_weight_does_not_depend_on_how_many_are_selected() -> None:
    for gate in ([1.0, 0, 0, 0], [1.0, 1, 0, 1], [1.0, 1, 1, 1]):
        losses = torch.tensor([2.0, 3.0, 5.0, 7.0], requires_grad=True)
        output = gated_loss(losses, torch.tensor(gate))
        output.loss.backward()
        assert losses.grad is not None
        assert losses.grad.tolist() == [weight / 4 for weight in gate]
        selected = [loss for loss, weight in zip([2.0, 3.0, 5.0, 7.0], gate, strict=True) if weight]
        assert output.loss.item() == pytest.approx(sum(selected) / 4)
        assert output.share.item() == len(selected) / 4
        assert output.selected_mean.item() == pytest.approx(sum(selected) / len(selected))
        assert not output.selected_mean.requires_grad


def test_soft_weights_are_shares() -> None:
    output = gated_loss(torch.tensor([2.0, 4.0]), torch.tensor([0.25, 0.5]))
    assert [value.item() for value in output] == pytest.approx([1.25, 0.375, 2.5 / 0.75])


@pytest.mark.parametrize("number", [0, 3])
def test_nothing_selected_gives_a_zero_loss_with_its_graph(number: int) -> None:
    losses = torch.rand(number, requires_grad=True)
    output = gated_loss(losses * 2, torch.zeros(number))
    assert [value.item() for value in output] == [0.0, 0.0, 0.0]
    output.loss.backward()
    assert losses.grad is not None
    assert not losses.grad.any()


def test_a_loss_that_is_not_finite_is_not_hidden_by_its_gate() -> None:
    assert gated_loss(torch.tensor([1.0, NAN]), torch.tensor([1.0, 0.0])).loss.isnan()


def test_half_precision_losses_keep_their_dtype() -> None:
    output = gated_loss(torch.ones(2, dtype=torch.bfloat16), torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert output.loss.dtype == torch.bfloat16


def test_losses_and_gate_of_other_shapes() -> None:
    quality = torch.tensor([0.1, 0.6])
    with pytest.raises(ValueError, match=r"must have one shape, got \(2,\) and \(2, 1\)"):
        gated_loss(quality, quality[:, None])
