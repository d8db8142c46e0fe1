"""Margins of face recognition losses: from the cosine of a sample to its own class to what enters the softmax.

Every function maps target cosines cos(theta) to margined ones of the same shape; the logit is s times the result. The
gradient is the true derivative. Functions that need the angle clamp the cosine to +-(1 - eps) first, because acos has
an infinite slope at +-1: beyond the clamp the gradient is zero.
"""

import math

import torch
from torch import Tensor

# The clamps of the released code: AdaFace's head uses 1e-3, the angular heads beside it 1e-4.
ANGULAR_EPS = 1e-4
ADAFACE_EPS = 1e-3


def cosface(cosine: Tensor, m: float) -> Tensor:
    """Apply the additive cosine margin (Wang et al., CVPR 2018): cos(theta) - m.

    Args:
        cosine: Target cosines of any shape, float.
        m: Margin, a cosine.

    Returns:
        Margined cosines of the same shape.

    >>> cosface(torch.tensor([0.75, -0.25]), m=0.25)
    tensor([ 0.5000, -0.5000])
    """
    return cosine - m


def arcface(cosine: Tensor, m: float | Tensor, eps: float = ANGULAR_EPS) -> Tensor:
    """Apply the additive angular margin (Deng et al., CVPR 2019): cos(theta + m), theta + m clipped to [eps, pi - eps].

    Args:
        cosine: Target cosines of any shape, float.
        m: Margin in radians, one or one per sample.
        eps: Clamp of the cosine and of the angle.

    Returns:
        Margined cosines of the same shape.

    >>> arcface(torch.tensor([math.cos(math.radians(60))]), m=math.radians(60))  # 120 degrees
    tensor([-0.5000])
    """
    return torch.cos((_angle(cosine, eps) + m).clamp(eps, math.pi - eps))


def sphereface(cosine: Tensor, m: float, eps: float = ANGULAR_EPS) -> Tensor:
    """Apply the multiplicative angular margin (Liu et al., CVPR 2017): (-1)^k cos(m theta) - 2k.

    With k = floor(m theta / pi): the piecewise form continues cos(m theta) so that it falls over the whole of [0, pi].
    The gradient is that of this function; the released opensphere code uses that of cos(theta) instead.

    Args:
        cosine: Target cosines of any shape, float.
        m: Factor of the angle, at least 1.
        eps: Clamp of the cosine.

    Returns:
        Margined cosines of the same shape.

    >>> sphereface(torch.tensor([math.cos(math.radians(60)), math.cos(math.radians(120))]), m=2.0)
    tensor([-0.5000, -1.5000])
    """
    multiple = m * _angle(cosine, eps)
    k = torch.floor(multiple / math.pi)
    sign = 1 - 2 * torch.remainder(k, 2)
    return sign * torch.cos(multiple) - 2 * k


def arcface_monotone(cosine: Tensor, m: float | Tensor, eps: float = ANGULAR_EPS) -> Tensor:
    """Apply an angular margin that stays monotone: cos(theta + m), beyond theta = pi - m cos(theta) - m sin(pi - m).

    The form that CurricularFace and MagFace (without its easy margin) use for the target.

    Args:
        cosine: Target cosines of any shape, float.
        m: Margin in radians, one or one per sample.
        eps: Clamp of the cosine.

    Returns:
        Margined cosines of the same shape.

    >>> arcface_monotone(torch.tensor([0.5, -1.0]), m=math.pi / 2)  # the second is beyond pi - m
    tensor([-0.8660, -2.5708])
    """
    margin = m if isinstance(m, Tensor) else cosine.new_full((), m)  # filled on the device: no wait for a copy
    threshold = torch.cos(math.pi - margin)
    return torch.where(
        cosine > threshold,
        torch.cos(_angle(cosine, eps) + margin),
        cosine - margin * torch.sin(math.pi - margin),
    )


def curricularface_negatives(cosines: Tensor, threshold: Tensor, t: Tensor, labels: Tensor) -> Tensor:
    """Weigh hard negatives anew (Huang et al., CVPR 2020): cos_j (t + cos_j) where cos_j > cos(theta_y + m).

    Args:
        cosines: (B, C) cosines to all classes.
        threshold: (B,) cos(theta_y + m), without a gradient.
        t: (1,) curriculum parameter, the running mean of the target cosines.
        labels: (B,) int64 target columns, which are left as they are.

    Returns:
        (B, C) cosines.

    >>> cosines = torch.tensor([[0.5, 0.25, 0.75]])
    >>> curricularface_negatives(cosines, torch.tensor([0.5]), torch.tensor([0.25]), torch.tensor([0]))
    tensor([[0.5000, 0.2500, 0.7500]])
    >>> curricularface_negatives(cosines, torch.tensor([0.5]), torch.tensor([0.75]), torch.tensor([0]))
    tensor([[0.5000, 0.2500, 1.1250]])
    """
    hard = (cosines > threshold[:, None]).scatter(1, labels[:, None], False)
    return torch.where(hard, cosines * (t + cosines), cosines)


def magface(cosine: Tensor, margin: Tensor, easy_margin: bool = True, eps: float = ANGULAR_EPS) -> Tensor:
    """Apply the angular margin that depends on the norm (Meng et al., CVPR 2021): cos(theta + m(a)).

    Args:
        cosine: (B,) target cosines.
        margin: (B,) m(a) from `magface_margin`; the gradient flows through it.
        easy_margin: No margin where cos(theta) <= 0 (released default); otherwise the monotone form.
        eps: Clamp of the cosine.

    Returns:
        (B,) margined cosines.

    >>> magface(torch.tensor([0.5, -0.25]), torch.tensor([math.pi / 3, math.pi / 3]))
    tensor([-0.5000, -0.2500])
    """
    if not easy_margin:
        return arcface_monotone(cosine, margin, eps)
    return torch.where(cosine > 0, torch.cos(_angle(cosine, eps) + margin), cosine)


def magface_margin(norm: Tensor, lower_norm: float, upper_norm: float, lower_m: float, upper_m: float) -> Tensor:
    """Return m(a) = l_m + (u_m - l_m) (a - l_a) / (u_a - l_a) with a the norm clamped to [l_a, u_a].

    Args:
        norm: Feature norms of any shape.
        lower_norm: l_a.
        upper_norm: u_a.
        lower_m: l_m in radians, the margin at l_a.
        upper_m: u_m in radians, the margin at u_a.

    Returns:
        Margins in radians of the same shape.

    >>> magface_margin(torch.tensor([5.0, 60.0, 200.0]), lower_norm=10, upper_norm=110, lower_m=0.4, upper_m=0.8)
    tensor([0.4000, 0.6000, 0.8000])
    """
    position = (norm.clamp(lower_norm, upper_norm) - lower_norm) / (upper_norm - lower_norm)
    return lower_m + (upper_m - lower_m) * position


def magface_regulariser(norm: Tensor, lower_norm: float, upper_norm: float) -> Tensor:
    """Return g(a) = a / u_a^2 + 1 / a with a the norm clamped to [l_a, u_a]; it rewards long features.

    Args:
        norm: Feature norms of any shape.
        lower_norm: l_a.
        upper_norm: u_a.

    Returns:
        g(a) of the same shape.

    >>> magface_regulariser(torch.tensor([10.0, 100.0]), lower_norm=10, upper_norm=100)
    tensor([0.1010, 0.0200])
    """
    a = norm.clamp(lower_norm, upper_norm)
    return a / upper_norm**2 + 1 / a


def image_quality(score: Tensor, mean: Tensor, std: Tensor, h: float, eps: float = ADAFACE_EPS) -> Tensor:
    """Standardise a quality (AdaFace, Kim et al., CVPR 2022, Eq. 14): z = clip(h (score - mean) / (std + eps), -1, 1).

    Args:
        score: Quality per sample of any shape, usually the feature norm.
        mean: Running mean of the score.
        std: Running standard deviation of the score.
        h: Concentration: with h = 0.333, 68 % of a Gaussian falls within [-0.333, 0.333].
        eps: Keeps the divisor above zero.

    Returns:
        z in [-1, 1] of the same shape, detached: the margin is no path for gradients to the norm.

    >>> mean, std = torch.tensor([20.0]), torch.tensor([5.0])
    >>> image_quality(torch.tensor([20.0, 25.0, 90.0]), mean, std, h=0.333)
    tensor([0.0000, 0.3329, 1.0000])
    """
    return (h * (score - mean) / (std + eps)).clamp(-1, 1).detach()


def adaface(cosine: Tensor, z: Tensor, m: float, eps: float = ADAFACE_EPS) -> Tensor:
    """Apply the quality-adaptive margin (Kim et al., CVPR 2022, Eq. 15-16): cos(theta + g_angle) - g_add.

    g_angle = -m z and g_add = m z + m: ArcFace-like with a negative angle for z = 1, CosFace for z = 0, ArcFace for
    z = -1. The angle is clipped to [eps, pi - eps].

    Args:
        cosine: (B,) target cosines.
        z: (B,) standardised quality in [-1, 1].
        m: Margin.
        eps: Clamp of the cosine and of the angle.

    Returns:
        (B,) margined cosines.

    >>> adaface(torch.tensor([0.5, 0.5, 0.5]), z=torch.tensor([-1.0, 0.0, 1.0]), m=0.4)
    tensor([ 0.1233,  0.1000, -0.0022])
    """
    return arcface(cosine, -m * z, eps) - (m + m * z)


def margin_ramp(progress: float, start: float = 0.25, end: float = 0.6) -> float:
    """Return the warm-up of a margin, for `head.margin_scale`: 0 up to `start`, then linear, 1 from `end` on.

    Args:
        progress: Part of the training that is done, in [0, 1].
        start: Progress at which the margin begins to grow.
        end: Progress at which it is full.

    Returns:
        Factor of the margin in [0, 1].

    Raises:
        ValueError: If not 0 <= start <= end.

    >>> [margin_ramp(progress, start=0.25, end=0.75) for progress in (0.1, 0.5, 0.9)]
    [0.0, 0.5, 1.0]
    """
    if not 0 <= start <= end:
        raise ValueError(f"margin_ramp needs 0 <= start <= end, got start={start}, end={end}")
    if progress >= end:
        return 1.0
    if progress <= start:
        return 0.0
    return (progress - start) / (end - start)


def _angle(cosine: Tensor, eps: float) -> Tensor:
    return torch.acos(cosine.clamp(-1 + eps, 1 - eps))
