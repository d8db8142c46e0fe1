"""QGFace's contrastive loss: a degraded image finds its original among the keys of a queue."""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from facequal.choices import require_choice

Direction = Literal["paper", "query", "both"]
SameIdentity = Literal["remove", "zero"]


def contrastive_loss(
    anchors: Tensor,
    positives: Tensor,
    labels: Tensor,
    keys: Tensor,
    key_labels: Tensor,
    scale: float = 64.0,
    direction: Direction = "paper",
    same_identity: SameIdentity = "remove",
    clamp: bool = False,
    rescale: bool = False,
) -> Tensor:
    """Return the InfoNCE loss with negatives of other identities (QGFace, Eq. 13-14), one value per pair.

        loss_i = -log( exp(s cos(q_i, k_i)) / (exp(s cos(q_i, k_i)) + sum_j exp(s cos(q_i, n_j))) )

    over the keys n_j whose identity is not that of pair i: a softmax cross entropy with the positive in the first
    column. (Eq. 14 as printed leaves the positive out of the denominator; this follows the code.) A pair without a
    negative has a loss of 0 that keeps its graph.

    Where the paper and its released code differ, the defaults are the paper's. The code's own defaults are
    `direction="both"`, with gradients to both embeddings of a pair, `clamp=True` over keys that are not of unit length,
    and `rescale=True`. Its default for keys of the pair's own identity, to leave them in, ends in an error there;
    `same_identity="zero"` is its other choice.

    >>> q, k = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])  # cos(q, k) = .6
    >>> keys, key_labels = torch.tensor([[0.8, 0.6], [1.0, 0.0]]), torch.tensor([1, 0])  # the second is its own person
    >>> contrastive_loss(q, k, torch.tensor([0]), keys, key_labels, scale=1.0)  # log(1 + exp(.8 - .6))
    tensor([0.7981])

    Args:
        anchors: (N, D) float, embeddings q of the augmented images. Any length: they are normalised here. Half
            precision is raised to float32, whatever autocast is active.
        positives: (N, D) float, embeddings k of the original images, row by row.
        labels: (N,) integer identities of the pairs.
        keys: (K, D) float of unit length, the negatives to choose from; K may be 0. They are not normalised here, as
            that would copy a whole queue at every step. Gradients flow to keys that require them.
        key_labels: (K,) integer identities of the keys.
        scale: s, of the cosines.
        direction: "paper" takes q alone as the anchor and stops the gradient at k. "query" takes q alone and sends
            gradients to both. "both" is the mean of that loss and the one with k as anchor and q as positive.
        same_identity: "remove" takes keys of the pair's own identity out of the sum. "zero" sets their logit to 0
            instead, without gradient, so that each adds 1 to the denominator.
        clamp: Clamp cosines with the keys to [-1, 1], for keys that are not of unit length: those of the queue have
            lengths of about .9 to 1.2 after they followed their class weights, if they are not normalised there.
        rescale: Multiply by log(129) / log(K + 1), so that queues of all lengths have the loss of one with 128 keys;
            an option of the released code that the paper does not have.

    Returns:
        (N,) losses, float32 (float64 if an embedding is float64). NaN embeddings give NaN losses.

    Raises:
        TypeError: If embeddings or keys are not floating point, or labels not integers.
        ValueError: If shapes do not fit together, the scale is not a positive number, or an option is unknown.
    """
    require_options(scale, direction, same_identity)
    _check_batch(anchors, positives, labels, keys, key_labels)
    with torch.autocast(anchors.device.type, enabled=False):
        dtype = torch.promote_types(torch.float32, torch.promote_types(anchors.dtype, positives.dtype))
        q, k, keys = F.normalize(anchors.to(dtype)), F.normalize(positives.to(dtype)), keys.to(dtype)
        if direction == "paper":
            k = k.detach()
        positive = scale * (q * k).sum(1)  # (N,): s cos(q_i, k_i)
        losses: list[Tensor] = []
        for anchor in (q, k) if direction == "both" else (q,):
            logits = F.linear(anchor * scale, keys)  # (N, K): s cos(q_i, n_j)
            if clamp:
                logits = logits.clamp(-scale, scale)
            losses.append(_InfoNCE.apply(logits, positive, labels, key_labels, same_identity == "zero"))
        loss = losses[0] if len(losses) == 1 else 0.5 * (losses[0] + losses[1])
        if rescale and len(keys):
            loss = loss * (math.log(129) / math.log(len(keys) + 1))
        return loss


class _InfoNCE(torch.autograd.Function):
    """-log softmax of the positive logit (N,) against logits (N, K) of which those of the own identity do not count.

    Written out because autograd would keep the logits and make further (N, K) tensors on the way forth and back. Here
    the logits turn in place into the gradient, but for the factor that arrives in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, positive: Tensor, labels: Tensor, key_labels: Tensor, zero_same: bool
    ) -> Tensor:
        same = labels[:, None] == key_labels
        # In place: the caller made the logits and needs them no more, and no backward pass reads a product's result.
        logits.masked_fill_(same, 0.0 if zero_same else -math.inf)
        top = logits.amax(1) if logits.shape[1] else torch.full_like(positive, -math.inf)
        top = top.masked_fill(top == -math.inf, 0.0)  # no negative is left
        share = logits.sub_(top[:, None]).exp_()
        total = share.sum(1)
        excess = total.log() + (top - positive)  # log of how much the negatives outweigh the positive
        negatives = excess.sigmoid()  # softmax probability of all negatives together
        if zero_same:
            share.masked_fill_(same, 0.0)
        share.mul_((negatives / total.clamp_min(1.0))[:, None])  # at least 1 where there is a negative
        ctx.save_for_backward(share, negatives)
        return F.softplus(excess, threshold=50.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        share, negatives = ctx.saved_tensors
        return share * grad_loss[:, None], -negatives * grad_loss, None, None, None


def require_options(scale: float, direction: str, same_identity: str, prefix: str = "") -> None:
    """Refuse options of `contrastive_loss` that cannot be.

    Raises:
        ValueError: If one cannot be; the message names it after `prefix`.
    """
    if not 0 < scale < math.inf:
        raise ValueError(f"{prefix}scale must be a positive number, got {scale}")
    require_choice(f"{prefix}direction", direction, Direction)
    require_choice(f"{prefix}same_identity", same_identity, SameIdentity)


def _check_batch(anchors: Tensor, positives: Tensor, labels: Tensor, keys: Tensor, key_labels: Tensor) -> None:
    if anchors.ndim != 2 or anchors.shape != positives.shape:
        raise ValueError(
            f"anchors and positives must both be (N, D), got {tuple(anchors.shape)} and {tuple(positives.shape)}"
        )
    if keys.ndim != 2 or keys.shape[1] != anchors.shape[1]:
        raise ValueError(f"keys must be (K, D) with D = {anchors.shape[1]}, got {tuple(keys.shape)}")
    for name, values, rows in (("labels", labels, len(anchors)), ("key_labels", key_labels, len(keys))):
        if values.shape != (rows,):
            raise ValueError(f"{name} must be ({rows},), one per row, got {tuple(values.shape)}")
        if values.is_floating_point() or values.is_complex():
            raise TypeError(f"{name} must be integers, got {values.dtype}")
    for name, values in (("anchors", anchors), ("positives", positives), ("keys", keys)):
        if not values.is_floating_point():
            raise TypeError(f"{name} must be floating point, got {values.dtype}")
