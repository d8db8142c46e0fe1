"""One step of the head, forward and backward, in three formulations."""

import functools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.models.heads import AdaFaceHead

ADAFACE, PLAIN, DENSE = "AdaFace", "plain", "dense"
S, M, H, EPS = 64.0, 0.4, 0.333, 1e-3


def head_steps(
    num_classes: int, batch: int, embedding_dim: int, device: str = "cpu"
) -> dict[str, Callable[[], Tensor]]:
    """Forward and backward of our head, of a softmax without margin, and of AdaFace on dense matrices.

    All three share the inputs and the class weights. Each step makes the gradients of both anew.

    Args:
        num_classes: Number C of identities.
        batch: Number B of embeddings.
        embedding_dim: Their length D.
        device: "cpu" or "cuda".

    Returns:
        Functions by name (`ADAFACE`, `PLAIN`, `DENSE`); each returns its mean loss.
    """
    generator = torch.Generator().manual_seed(0)
    embedding = F.normalize(torch.randn(batch, embedding_dim, generator=generator)).to(device).requires_grad_()
    norm = (5 + 20 * torch.rand(batch, 1, generator=generator)).to(device)
    labels = torch.randint(num_classes, (batch,), generator=generator).to(device)
    head = AdaFaceHead(embedding_dim, num_classes, m=M, h=H, s=S).to(device)
    mean, std = head.batch_mean.clone(), head.batch_std.clone()
    losses: dict[str, Callable[[], Tensor]] = {
        ADAFACE: lambda: head.loss(embedding, norm, labels).per_sample_loss.mean(),
        PLAIN: lambda: plain_softmax(embedding, head.weight, labels),
        DENSE: lambda: dense_adaface(embedding, norm, head.weight, labels, mean, std),
    }

    def step(name: str) -> Tensor:
        embedding.grad = head.weight.grad = None
        loss = losses[name]()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return {name: functools.partial(step, name) for name in losses}


def plain_softmax(embedding: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of s cos(e, w_j) without any margin, at its leanest: the scale goes into the (B, D) factor."""
    return F.cross_entropy(F.linear(S * embedding, F.normalize(weight)), labels)


def dense_adaface(embedding: Tensor, norm: Tensor, weight: Tensor, labels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """AdaFace as published code has it: two (B, C) one-hot matrices; clamp, acos and cos on all columns.

    `mean` and `std` (1,), the running statistics of the norms, are updated in place.
    """
    cosine = F.linear(embedding, F.normalize(weight)).clamp(-1 + EPS, 1 - EPS)
    with torch.no_grad():
        safe_norm = norm.clamp(1e-3, 100)
        mean.lerp_(safe_norm.mean(), 0.01)
        std.lerp_(safe_norm.std(), 0.01)
        z = (H * (safe_norm - mean) / (std + EPS)).clamp(-1, 1)
    angular = torch.zeros_like(cosine).scatter_(1, labels[:, None], 1.0) * (-M * z)
    theta = (cosine.acos() + angular).clamp(EPS, math.pi - EPS)
    additive = torch.zeros_like(cosine).scatter_(1, labels[:, None], 1.0) * (M + M * z)
    return F.cross_entropy(S * (theta.cos() - additive), labels)
