"""AdaFace's head: its running statistics, the sources of its quality, its errors."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.models.heads import AdaFaceHead, CosFaceHead
from tests.models.heads.norm_batches import CLASSES, DIM, NORMS, batch_of


@pytest.mark.parametrize("init_stats", ["published", "first_batch", "zero"])
def test_trace_of_norm_statistics(init_stats: Any) -> None:
    head = AdaFaceHead(DIM, CLASSES, init_stats=init_stats)
    mean, std = (0.0, 0.0) if init_stats == "zero" else (20.0, 100.0)
    for step, norms in enumerate(NORMS):
        output = head.loss(*batch_of(norms, seed=step))
        clipped = np.clip(np.array(norms), 0.001, 100)
        new = 1.0 if init_stats == "first_batch" and step == 0 else 0.01
        mean = new * clipped.mean() + (1 - new) * mean
        std = new * clipped.std(ddof=1) + (1 - new) * std
        assert head.batch_mean.item() == pytest.approx(mean, rel=1e-6)
        assert head.batch_std.item() == pytest.approx(std, rel=1e-6)
        assert head.num_updates.item() == step + 1
        # The margin uses the statistics that this batch has already entered.
        z = np.clip(0.333 * (clipped - mean) / (std + 1e-3), -1, 1)
        torch.testing.assert_close(output.margin, margin_taken(head, norms, step, z))


def margin_taken(head: AdaFaceHead, norms: list[float], seed: int, z: np.ndarray) -> Tensor:
    embedding, _, labels = batch_of(norms, seed)
    cosine = (embedding * F.normalize(head.weight.detach())[labels]).sum(1).numpy().astype(np.float64)
    angle = np.clip(np.arccos(cosine) - 0.4 * z, 1e-3, np.pi - 1e-3)
    taken = cosine - (np.cos(angle) - (0.4 + 0.4 * z))
    return torch.from_numpy(taken).float()


def test_ema_decay_is_the_weight_of_the_old_value() -> None:
    head = AdaFaceHead(DIM, CLASSES, ema_decay=0.75)
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.item() == pytest.approx(0.75 * 20 + 0.25 * 12)
    head = AdaFaceHead(DIM, CLASSES, ema_decay=0.0)
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_std.item() == pytest.approx(8**0.5)


@pytest.mark.parametrize("norms", [[17.0], [12.0, float("nan")], []])
def test_unusable_batches_leave_statistics(norms: list[float]) -> None:
    for init_stats in ("published", "first_batch"):
        head = AdaFaceHead(DIM, CLASSES, init_stats=init_stats)
        output = head.loss(*batch_of(norms))
        assert (head.batch_mean.item(), head.batch_std.item(), head.num_updates.item()) == (20.0, 100.0, 0)
        if norms == [17.0]:
            assert output.per_sample_loss.isfinite().all()
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.item() == pytest.approx(12.0)


def test_statistics_are_updated_in_place_and_saved() -> None:
    head = AdaFaceHead(DIM, CLASSES)
    address = head.batch_mean.data_ptr()
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.data_ptr() == address
    assert set(head.state_dict()) == {"weight", "batch_mean", "batch_std", "num_updates"}
    other = AdaFaceHead(DIM, CLASSES, init_stats="first_batch")
    other.load_state_dict(head.state_dict())
    other.loss(*batch_of([10.0, 14.0]))  # not its first batch any more
    assert other.batch_mean.item() == pytest.approx(0.99 * head.batch_mean.item() + 0.01 * 12)


def test_h_zero_is_cosface() -> None:
    torch.manual_seed(0)
    adaface = AdaFaceHead(DIM, CLASSES, h=0.0)
    torch.manual_seed(0)
    cosface = CosFaceHead(DIM, CLASSES, m=0.4)
    batch = batch_of([3.0, 50.0, 20.0])
    torch.testing.assert_close(adaface(*batch), cosface(*batch))


def test_image_quality_of_norms() -> None:
    head = AdaFaceHead(DIM, CLASSES)
    head.batch_mean.fill_(10.0)
    head.batch_std.fill_(2.0)
    z = head.image_quality(torch.tensor([[10.0], [12.0], [1e9], [0.0]]))
    assert z.ravel().tolist() == pytest.approx([0.0, 0.333 * 2 / 2.001, 1.0, -1.0])
    assert head.num_updates.item() == 0


def test_given_quality_replaces_the_norm() -> None:
    torch.manual_seed(0)
    head = AdaFaceHead(DIM, CLASSES, quality="given", init_stats="first_batch")
    embedding, norm, labels = batch_of([10.0, 14.0, 9.0])
    scores = torch.tensor([-3.0, 250.0, 8.0])  # not clipped: only norms are
    output = head.loss(embedding, norm, labels, quality=scores)
    assert head.batch_mean.item() == pytest.approx(scores.mean().item())
    assert head.batch_std.item() == pytest.approx(scores.std().item())
    same = head.eval().loss(embedding, 2 * norm, labels, quality=scores[:, None])
    assert torch.equal(output.per_sample_loss, same.per_sample_loss)
    with pytest.raises(ValueError, match=r"AdaFaceHead\(quality='given'\) got no quality"):
        head.loss(embedding, norm, labels)
    with pytest.raises(ValueError, match=r"AdaFaceHead\(quality='norm'\) got a quality"):
        AdaFaceHead(DIM, CLASSES).loss(embedding, norm, labels, scores)


def test_probability_as_quality() -> None:
    head = AdaFaceHead(DIM, CLASSES, s=8.0, quality="probability", init_stats="first_batch")
    embedding, norm, labels = batch_of([10.0, 14.0, 9.0])
    head.loss(embedding.requires_grad_(), norm, labels).per_sample_loss.sum().backward()
    cosine = embedding @ F.normalize(head.weight).T
    probability = torch.softmax(8 * cosine, 1)[torch.arange(3), labels]
    assert head.batch_mean.item() == pytest.approx(probability.mean().item(), rel=1e-5)
    assert head.batch_std.item() == pytest.approx(probability.std().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ema_decay": 1.0}, r"ema_decay must be in \[0, 1\), got 1\.0"),
        ({"init_stats": "one"}, r"init_stats must be one of \('published', 'first_batch', 'zero'\), got 'one'"),
        ({"quality": "brisque"}, r"quality must be one of \('norm', 'probability', 'given'\), got 'brisque'"),
        ({"quality": "given"}, r"quality='given' needs init_stats='first_batch' or 'zero'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaFaceHead(DIM, CLASSES, **arguments)
