"""Every head written a second time: dense (B, C) one-hot formulas in float64, with the statistics passed in."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def dense_logits(name: str, embedding: Tensor, norm: Tensor, labels: Tensor, weight: Tensor, **values: float) -> Tensor:
    """Logits (B, C) of the head `name` with its default margins and scale."""
    cosine = embedding @ (weight / weight.norm(dim=1, keepdim=True)).T
    target = F.one_hot(labels, weight.shape[0]).bool()
    scale = 30.0 if name == "SphereFaceHead" else 64.0
    return scale * DENSE[name](cosine, target, norm, values)


def softmax(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    return cosine


def cosface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    return cosine - 0.35 * target.double()


def arcface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    theta = cosine.clamp(-1 + 1e-4, 1 - 1e-4).acos() + 0.5 * target
    return torch.where(target, theta.clamp(1e-4, math.pi - 1e-4).cos(), cosine)


def sphereface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    theta = cosine.clamp(-1 + 1e-4, 1 - 1e-4).acos()
    k = (1.7 * theta / math.pi).floor().detach()
    return torch.where(target, (-1.0) ** k * (1.7 * theta).cos() - 2 * k, cosine)


def curricularface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    m, t = 0.5, values["t"]
    margined = cosine * math.cos(m) - (1 - cosine**2).sqrt() * math.sin(m)
    final = torch.where(cosine > math.cos(math.pi - m), margined, cosine - m * math.sin(math.pi - m))
    threshold = (margined * target).sum(1, keepdim=True)
    hard = cosine > threshold
    return torch.where(target, final, torch.where(hard, cosine * (t + cosine), cosine))


def magface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    m = 0.45 + (0.8 - 0.45) * (norm.clamp(10, 110) - 10) / 100
    margined = cosine * m.cos() - (1 - cosine**2).sqrt() * m.sin()
    return torch.where(target & (cosine > 0), margined, cosine)


def adaface(cosine: Tensor, target: Tensor, norm: Tensor, values: dict[str, float]) -> Tensor:
    z = (0.333 * (norm.clamp(0.001, 100) - values["mean"]) / (values["std"] + 1e-3)).clamp(-1, 1).detach()
    theta = cosine.clamp(-1 + 1e-3, 1 - 1e-3).acos() - 0.4 * z * target
    return torch.where(target, theta.clamp(1e-3, math.pi - 1e-3).cos() - (0.4 + 0.4 * z), cosine)


DENSE = {
    "SoftmaxHead": softmax,
    "CosFaceHead": cosface,
    "ArcFaceHead": arcface,
    "SphereFaceHead": sphereface,
    "CurricularFaceHead": curricularface,
    "MagFaceHead": magface,
    "AdaFaceHead": adaface,
}
