"""The encoder that follows another."""

import pytest
import torch

from facequal.methods.qgface.queues import MomentumEncoder
from facequal.models.backbones import TimmBackbone


def small_encoder() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))


class TestMomentumEncoder:
    def test_moving_average(self):
        encoder = small_encoder()
        momentum = MomentumEncoder(encoder, momentum=0.9)
        expected = [parameter.detach().double().clone() for parameter in encoder.parameters()]
        for _ in range(5):
            with torch.no_grad():
                for parameter in encoder.parameters():
                    parameter.add_(torch.randn_like(parameter))
            momentum.update(encoder)
            for index, parameter in enumerate(encoder.parameters()):
                expected[index] = 0.9 * expected[index] + 0.1 * parameter.detach().double()
        for parameter, average in zip(momentum.encoder.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.double(), average, atol=1e-6, rtol=0)

    def test_default(self):
        encoder = torch.nn.Linear(1, 1, bias=False)
        momentum = MomentumEncoder(encoder)
        with torch.no_grad():
            momentum.encoder.weight.fill_(0.0)
            encoder.weight.fill_(1.0)
        momentum.update(encoder)
        assert momentum.encoder.weight.item() == pytest.approx(0.001, rel=1e-4)

    def test_buffers_are_copied(self):
        encoder = small_encoder()
        momentum = MomentumEncoder(encoder)
        for _ in range(3):
            encoder(torch.randn(8, 3) + 5)
        assert not torch.equal(momentum.encoder[1].running_mean, encoder[1].running_mean)
        momentum.update(encoder)
        for copied, original in zip(momentum.encoder.buffers(), encoder.buffers(), strict=True):
            assert torch.equal(copied, original)
            assert copied.data_ptr() != original.data_ptr()
        assert momentum.encoder[1].num_batches_tracked == 3

    def test_takes_no_gradient_and_leaves_the_encoder_alone(self):
        encoder = small_encoder()
        momentum = MomentumEncoder(encoder)
        images = torch.randn(8, 3)
        before = {name: value.clone() for name, value in encoder.state_dict().items()}
        embedding = momentum(images.requires_grad_())
        momentum.update(encoder)
        assert not embedding.requires_grad
        assert not any(parameter.requires_grad for parameter in momentum.parameters())
        assert all(parameter.requires_grad for parameter in encoder.parameters())
        assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())

    def test_takes_what_the_encoder_takes(self):
        encoder = small_encoder()
        images = torch.randn(8, 3)
        momentum = MomentumEncoder(encoder).eval()
        assert torch.equal(momentum(images), encoder.eval()(images))

    def test_checkpoint(self):
        encoder = small_encoder()
        momentum = MomentumEncoder(encoder, momentum=0.5)
        with torch.no_grad():
            encoder[0].weight.add_(1)
        momentum.update(encoder)
        loaded = MomentumEncoder(small_encoder(), momentum=0.5)
        loaded.load_state_dict(momentum.state_dict())
        for each in (momentum, loaded):
            each.update(encoder)
        assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in momentum.state_dict().items())

    def test_buffers_outside_the_state_dict(self):
        """timm backbones keep their pixel statistics in such buffers."""
        encoder = TimmBackbone("resnet10t", embedding_dim=4, size_px=32)
        momentum = MomentumEncoder(encoder)
        momentum.update(encoder)
        images = torch.rand(2, 3, 32, 32)
        assert torch.equal(momentum.eval()(images)[0], encoder.eval()(images)[0])

    @pytest.mark.parametrize("value", [-0.1, 1.0])
    def test_momentum_out_of_range(self, value):
        with pytest.raises(ValueError, match=rf"momentum must be in \[0, 1\), got {value}"):
            MomentumEncoder(small_encoder(), momentum=value)

    @pytest.mark.parametrize(
        ("other", "names"),
        [
            (lambda: torch.nn.Sequential(*small_encoder()[:2]), "2.bias, 2.weight"),
            (lambda: torch.nn.Sequential(*small_encoder(), torch.nn.Linear(2, 2)), "3.bias, 3.weight"),
            (lambda: torch.nn.Sequential(*small_encoder()[:2], torch.nn.Linear(4, 5)), "2.bias, 2.weight"),
        ],
        ids=["fewer", "more", "shape"],
    )
    def test_another_encoder(self, other, names):
        with pytest.raises(ValueError, match=f"not the one that was copied: it differs in {names}"):
            MomentumEncoder(small_encoder()).update(other())
