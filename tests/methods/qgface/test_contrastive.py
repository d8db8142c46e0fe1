import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.methods.qgface.contrastive import contrastive_loss

LABELS = torch.tensor([3, 5, 3, 8])
KEY_LABELS = torch.tensor([5, 1, 3, 3, 9, 8, 2])


def embeddings(dtype: torch.dtype = torch.float64, dim: int = 6, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors and positives near each other, and keys that are nearly but not quite of unit length."""
    generator = torch.Generator().manual_seed(seed)
    anchors = torch.randn(len(LABELS), dim, generator=generator, dtype=torch.float64)
    positives = anchors + 0.7 * torch.randn(len(LABELS), dim, generator=generator, dtype=torch.float64)
    keys = F.normalize(torch.randn(len(KEY_LABELS), dim, generator=generator, dtype=torch.float64))
    keys *= 0.9 + 0.3 * torch.rand(len(KEY_LABELS), 1, generator=generator, dtype=torch.float64)
    return F.normalize(anchors).to(dtype), F.normalize(positives).to(dtype), keys.to(dtype)


def by_loop(
    anchors: Tensor, positives: Tensor, keys: Tensor, scale: float, same: str, clamp: bool, both: bool
) -> list[float]:
    """Pair by pair and key by key, in Python's floats."""

    def one(a: Tensor, p: Tensor, label: int) -> float:
        positive = scale * float(a @ p)
        logits = [positive]
        for key, key_label in zip(keys, KEY_LABELS.tolist(), strict=True):
            cosine = float(a @ key)
            cosine = min(max(cosine, -1.0), 1.0) if clamp else cosine
            if key_label != label:
                logits.append(scale * cosine)
            elif same == "zero":
                logits.append(0.0)
        top = max(logits)
        return top + math.log(sum(math.exp(logit - top) for logit in logits)) - positive

    losses = []
    for a, p, label in zip(anchors, positives, LABELS.tolist(), strict=True):
        forth = one(a, p, label)
        losses.append((forth + one(p, a, label)) / 2 if both else forth)
    return losses


@pytest.mark.parametrize("scale", [1.0, 8.0, 64.0])
@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("same", ["remove", "zero"])
@pytest.mark.parametrize("direction", ["paper", "query", "both"])
def test_equals_a_loop(direction: Any, same: Any, clamp: bool, scale: float) -> None:
    q, k, keys = embeddings()
    loss = contrastive_loss(q, k, LABELS, keys, KEY_LABELS, scale, direction, same, clamp)
    expected = by_loop(q, k, keys, scale, same, clamp, direction == "both")
    assert loss.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert min(expected) < 0.9 * max(expected)


def test_defaults_are_the_papers() -> None:
    q, k, keys = embeddings()
    expected = by_loop(q, k, keys, 64.0, "remove", False, False)
    assert contrastive_loss(q, k, LABELS, keys, KEY_LABELS).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("same", ["remove", "zero"])
@pytest.mark.parametrize("direction", ["paper", "query", "both"])
def test_gradient(direction: Any, same: Any, clamp: bool) -> None:
    q, k, keys = (x.requires_grad_() for x in embeddings())

    def loss(anchors: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        return contrastive_loss(anchors, positives, LABELS, negatives, KEY_LABELS, 5.0, direction, same, clamp)

    if direction != "paper":
        torch.autograd.gradcheck(loss, (q, k, keys))
    else:
        # a detached input has a derivative but, on purpose, no gradient
        torch.autograd.gradcheck(lambda anchors, negatives: loss(anchors, k, negatives), (q, keys))
    loss(q, k, keys).sum().backward()
    assert q.grad is not None
    assert q.grad.abs().max() > 0.01
    assert (k.grad is None) == (direction == "paper")


def test_gradient_is_that_of_a_cross_entropy() -> None:
    q, k, keys = embeddings(torch.float32, 16)
    leaf, reference = q.clone().requires_grad_(), q.clone().requires_grad_()
    weights = torch.tensor([1.0, 0.0, 0.5, 3.0])
    (contrastive_loss(leaf, k, LABELS, keys, KEY_LABELS) * weights).sum().backward()
    unit = F.normalize(reference)
    logits = (unit @ keys.T).masked_fill(LABELS[:, None] == KEY_LABELS, -math.inf)
    logits = 64 * torch.cat(((unit * k).sum(1, keepdim=True), logits), dim=1)
    losses = F.cross_entropy(logits, torch.zeros(4, dtype=torch.int64), reduction="none")
    (losses * weights).sum().backward()
    assert leaf.grad is not None
    assert reference.grad is not None
    torch.testing.assert_close(leaf.grad, reference.grad, atol=1e-5, rtol=1e-4)
    assert not leaf.grad[1].any()


def test_cosines_of_long_keys_are_clamped() -> None:
    q, k, _ = embeddings()
    q.requires_grad_()
    keys = torch.stack((1.2 * q[0].detach(), -1.2 * q[0].detach()))
    loss = contrastive_loss(q[:1], k[:1], LABELS[:1], keys, KEY_LABELS[:2], 2.0, clamp=True)
    positive = 2 * float(q[0].detach() @ k[0])
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2 - positive) + math.exp(-2 - positive)))
    loss.sum().backward()
    assert q.grad is not None
    # beyond the clamp keys neither pull nor push: what is left is the positive
    pull = k[0] - (k[0] @ q[0].detach()) * q[0].detach()
    assert float(F.cosine_similarity(-q.grad[0], pull, dim=0)) == pytest.approx(1.0)


def test_inputs_are_left_as_they_are() -> None:
    tensors = embeddings()
    before = [x.clone() for x in tensors]
    contrastive_loss(*tensors[:2], LABELS, tensors[2], KEY_LABELS, same_identity="zero", clamp=True)
    for now, then in zip(tensors, before, strict=True):
        assert torch.equal(now, then)


def test_keys_of_the_own_identity_do_not_matter() -> None:
    q, k, keys = embeddings()
    loss = contrastive_loss(q, k, LABELS, keys, KEY_LABELS)
    keys[KEY_LABELS == 3] = q[0]  # as near as can be to the first anchor, of identity 3
    moved = contrastive_loss(q, k, LABELS, keys, KEY_LABELS)
    assert loss[[0, 2]].tolist() == moved[[0, 2]].tolist()
    assert loss[1] != moved[1]


def test_the_anchors_own_entry_of_the_queue_is_removed() -> None:
    q, k, _ = embeddings()
    # both views are in the queue before it is used; without removal the anchor itself would beat its positive
    loss = contrastive_loss(q, k, LABELS, torch.cat((k, q)), LABELS.repeat(2))
    assert loss[1] < 64 * 2
    direct = contrastive_loss(q[1:2], k[1:2], LABELS[1:2], torch.cat((k, q))[[0, 2, 3, 4, 6, 7]], LABELS[[0, 2, 3] * 2])
    assert loss[1].item() == pytest.approx(direct.item(), rel=1e-12)


@pytest.mark.parametrize("direction", ["paper", "both"])
@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("removed", [0, 3])
def test_without_negatives_the_loss_is_zero_and_keeps_its_graph(removed: int, rescale: bool, direction: Any) -> None:
    q, k, keys = (x.requires_grad_() for x in embeddings())
    labels = torch.full((4,), 7)
    loss = contrastive_loss(
        q, k, labels, keys[:removed], labels[:removed], rescale=rescale, direction=direction, same_identity="remove"
    )
    assert loss.tolist() == [0.0] * 4
    loss.sum().backward()
    assert q.grad is not None
    assert not q.grad.any()


def test_one_pair_without_negatives_among_others() -> None:
    q, k, keys = embeddings()
    q.requires_grad_()
    loss = contrastive_loss(q, k, LABELS, keys[:2], torch.tensor([5, 5]))
    assert loss[1] == 0
    assert (loss[[0, 2, 3]] > 0).all()
    loss.sum().backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()
    assert not q.grad[1].any()
    assert q.grad[0].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_scales_stay_finite_and_exact(dtype: torch.dtype) -> None:
    q, k = torch.eye(2, dtype=dtype)[[0, 0]].requires_grad_(), torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=dtype)
    keys = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=dtype)
    loss = contrastive_loss(q, k, torch.tensor([0, 0]), keys, torch.tensor([1, 2]), scale=1e4)
    assert loss.tolist() == pytest.approx([math.log(3), 2e4 + math.log(2)], rel=1e-6)
    loss.sum().backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()


def test_small_losses_keep_their_digits_in_float32() -> None:
    q = torch.tensor([[1.0, 0.0]])
    keys = torch.tensor([[0.6, 0.8]])
    loss = contrastive_loss(q, q, torch.tensor([0]), keys, torch.tensor([1]))
    assert loss.item() == pytest.approx(math.exp(-64 * 0.4), rel=1e-4)  # log(1 + x), lost if taken as log of a sum


def test_rescaling_by_the_number_of_keys() -> None:
    q, k, keys = embeddings()
    plain = contrastive_loss(q, k, LABELS, keys, KEY_LABELS)
    rescaled = contrastive_loss(q, k, LABELS, keys, KEY_LABELS, rescale=True)
    torch.testing.assert_close(rescaled, plain * math.log(129) / math.log(8))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(dtype: torch.dtype) -> None:
    q, k, keys = embeddings(dtype, 32)
    q.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = contrastive_loss(q, k, LABELS, keys, KEY_LABELS, 8.0)
    exact = [F.normalize(x.detach().double()) for x in (q, k)]
    assert loss.dtype == torch.float32
    assert loss.tolist() == pytest.approx(by_loop(*exact, keys.double(), 8.0, "remove", False, False), rel=1e-5)
    loss.sum().backward()
    assert q.grad is not None
    assert q.grad.dtype == dtype
    assert q.grad.isfinite().all()


def test_double_precision_stays() -> None:
    q, k, keys = embeddings()
    assert contrastive_loss(q, k, LABELS, keys.float(), KEY_LABELS).dtype == torch.float64


def test_nan_and_zero_embeddings() -> None:
    q, k, keys = embeddings()
    q[0], q[1] = torch.nan, 0.0
    loss = contrastive_loss(q, k, LABELS, keys, KEY_LABELS)
    assert loss[0].isnan()
    assert loss[1].item() == pytest.approx(math.log(1 + 6))  # all cosines are 0; one of seven keys is of its identity
    assert loss[2:].isfinite().all()


def test_an_empty_batch() -> None:
    q, k, keys = embeddings()
    assert contrastive_loss(q[:0], k[:0], LABELS[:0], keys, KEY_LABELS).shape == (0,)


def test_bad_options() -> None:
    q, k, keys = embeddings()
    for scale in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="scale must be a positive number, got"):
            contrastive_loss(q, k, LABELS, keys, KEY_LABELS, scale)
    with pytest.raises(ValueError, match=r"direction must be one of \('paper', 'query', 'both'\), got 'back'"):
        contrastive_loss(q, k, LABELS, keys, KEY_LABELS, direction="back")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"same_identity must be one of \('remove', 'zero'\), got 'keep'"):
        contrastive_loss(q, k, LABELS, keys, KEY_LABELS, same_identity="keep")  # type: ignore[arg-type]


def test_bad_batches() -> None:
    q, k, keys = embeddings()
    with pytest.raises(ValueError, match=r"must both be \(N, D\), got \(4, 6\) and \(3, 6\)"):
        contrastive_loss(q, k[:3], LABELS, keys, KEY_LABELS)
    with pytest.raises(ValueError, match=r"keys must be \(K, D\) with D = 6, got \(7, 5\)"):
        contrastive_loss(q, k, LABELS, keys[:, :5], KEY_LABELS)
    with pytest.raises(ValueError, match=r"key_labels must be \(7,\), one per row, got \(6,\)"):
        contrastive_loss(q, k, LABELS, keys, KEY_LABELS[:6])
    with pytest.raises(ValueError, match=r"^labels must be \(4,\), one per row, got \(4, 1\)"):
        contrastive_loss(q, k, LABELS[:, None], keys, KEY_LABELS)
    with pytest.raises(TypeError, match=r"key_labels must be integers, got torch\.float32"):
        contrastive_loss(q, k, LABELS, keys, KEY_LABELS.float())
    with pytest.raises(TypeError, match=r"keys must be floating point, got torch\.int64"):
        contrastive_loss(q, k, LABELS, keys.long(), KEY_LABELS)
