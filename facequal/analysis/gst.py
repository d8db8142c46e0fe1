"""Gradient scaling terms: how strongly each margin pulls a feature to its class, in closed form.

The gradient of the loss by a feature is, on its way to the class weight W_y, scaled by g = (P_y - 1) df/dcos(theta_y):
f is the target's logit, P_y the softmax probability with the margin (Kim et al., CVPR 2022, Eq. 12). It is negative, as
the loss falls when the cosine grows; pictures show |g|. Where a head clips the angle with its margin, g is 0 as in the
head. Cosines within 1e-3 of +-1, where heads clip the cosine itself, are left to the caller.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from facequal.models.heads import margins


@dataclass(frozen=True)
class GradientScaling(ABC):
    """Base of the gradient scaling terms: a function of angle, norm and probability.

    Attributes:
        s: Scale of the cosines.

    >>> theta, norm, probability = torch.tensor(math.pi / 2), torch.tensor(20.0), torch.tensor(0.25)
    >>> ArcFaceScaling(s=64.0, m=0.5)(theta, norm, probability)  # (1/4 - 1) 64 sin(pi/2 + 0.5) / sin(pi/2)
    tensor(-42.1240)
    >>> SoftmaxScaling(s=64.0)(theta, norm, probability)
    tensor(-48.)
    """

    s: float = 64.0

    def __call__(self, theta: Tensor, norm: Tensor, probability: Tensor) -> Tensor:
        """Return the term g = (P - 1) df/dcos(theta).

        Args:
            theta: Angles to the face's class W_y in radians, in (0, pi), float of any shape.
            norm: Feature norms that fit the angles.
            probability: P_y with the margin, that fit the angles.

        Returns:
            g, at most 0, of the common shape.
        """
        return (probability - 1.0) * self.slope(theta, norm)

    @abstractmethod
    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return df/dcos(theta) at a fixed norm, with the scale in it."""

    @abstractmethod
    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the quotient f / s: what enters the softmax in place of cos(theta)."""

    def negatives(self, theta: Tensor, cosines: Tensor) -> Tensor:
        """Return what enters the softmax in place of the cosine (...) of one other class; most margins leave it."""
        return cosines


@dataclass(frozen=True)
class SoftmaxScaling(GradientScaling):
    """No margin: (P - 1) s."""

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the scale s."""
        return torch.full_like(theta, self.s)

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta)."""
        return torch.cos(theta)


@dataclass(frozen=True)
class CosFaceScaling(SoftmaxScaling):
    """CosFace: (P - 1) s; the margin acts through P alone.

    Attributes:
        m: Margin, a cosine.
    """

    m: float = 0.35

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta) - m."""
        return margins.cosface(torch.cos(theta), self.m)


@dataclass(frozen=True)
class ArcFaceScaling(GradientScaling):
    """ArcFace: (P - 1) s (cos m + cos(theta) sin m / sin(theta)) = (P - 1) s sin(theta + m) / sin(theta).

    Attributes:
        m: Margin in radians.
    """

    m: float = 0.5

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the slope s sin(theta + m) / sin(theta), 0 where theta + m is clipped."""
        return self.s * _of_clipped_angle(theta, self.m, margins.ANGULAR_EPS)

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta + m)."""
        return margins.arcface(torch.cos(theta), self.m)


@dataclass(frozen=True)
class SphereFaceScaling(GradientScaling):
    """SphereFace: (P - 1) s m (-1)^k sin(m theta) / sin(theta), k = floor(m theta / pi).

    Attributes:
        s: Scale of the cosines; 30 as in its head.
        m: Factor of the angle.
    """

    s: float = 30.0
    m: float = 1.7

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the slope s m (-1)^k sin(m theta) / sin(theta)."""
        k = torch.floor(self.m * theta / math.pi)
        return self.s * self.m * (1 - 2 * torch.remainder(k, 2)) * torch.sin(self.m * theta) / torch.sin(theta)

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return (-1)^k cos(m theta) - 2k."""
        return margins.sphereface(torch.cos(theta), self.m)


@dataclass(frozen=True)
class CurricularFaceScaling(GradientScaling):
    """CurricularFace: as ArcFace up to pi - m, (P - 1) s beyond; hard negatives act through P.

    Attributes:
        m: Margin in radians.
        t: Curriculum parameter, the running mean of the target cosines: 0 at first, near the mean cosine later.
    """

    m: float = 0.5
    t: float = 0.0

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the slope s sin(theta + m) / sin(theta), s beyond pi - m."""
        shifted = _of_shifted_angle(theta, self.m)
        return self.s * torch.where(theta + self.m < math.pi, shifted, torch.ones_like(theta))

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta + m), continued monotonically beyond pi - m."""
        return margins.arcface_monotone(torch.cos(theta), self.m)

    def negatives(self, theta: Tensor, cosines: Tensor) -> Tensor:
        """Return cos_j (t + cos_j) where cos_j > cos(theta + m)."""
        return torch.where(cosines > torch.cos(theta + self.m), cosines * (self.t + cosines), cosines)


@dataclass(frozen=True)
class MagFaceScaling(GradientScaling):
    """MagFace: as ArcFace with a margin m(a) that grows with the norm; (P - 1) s where cos(theta) <= 0 (easy margin).

    Attributes:
        lower_norm: l_a.
        upper_norm: u_a.
        lower_m: l_m in radians.
        upper_m: u_m in radians.
    """

    lower_norm: float = 10.0
    upper_norm: float = 110.0
    lower_m: float = 0.45
    upper_m: float = 0.8

    def margin(self, norm: Tensor) -> Tensor:
        """Return m(a) in radians."""
        return margins.magface_margin(norm, self.lower_norm, self.upper_norm, self.lower_m, self.upper_m)

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the slope s sin(theta + m(a)) / sin(theta), s where cos(theta) <= 0."""
        return self.s * torch.where(torch.cos(theta) > 0, _of_shifted_angle(theta, self.margin(norm)), 1.0)

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta + m(a)), cos(theta) where that is not above 0."""
        return margins.magface(torch.cos(theta), self.margin(norm))


@dataclass(frozen=True)
class AdaFaceScaling(GradientScaling):
    """AdaFace: as ArcFace with the angle g_angle = -m z of the standardised norm z; g_add acts through P.

    Attributes:
        m: Margin.
        h: Concentration of z.
        mean: Running mean of the norms.
        std: Running standard deviation of the norms.
    """

    m: float = 0.4
    h: float = 0.333
    mean: float = 20.0
    std: float = 5.0

    def quality(self, norm: Tensor) -> Tensor:
        """Return the standardised norm z = clip(h (norm - mean) / (std + 1e-3), -1, 1)."""
        return margins.image_quality(norm, norm.new_tensor(self.mean), norm.new_tensor(self.std), self.h)

    def slope(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return the slope s sin(theta - m z) / sin(theta), 0 where theta - m z is clipped."""
        return self.s * _of_clipped_angle(theta, -self.m * self.quality(norm), margins.ADAFACE_EPS)

    def margined_cosine(self, theta: Tensor, norm: Tensor) -> Tensor:
        """Return cos(theta - m z) - (m + m z)."""
        return margins.adaface(torch.cos(theta), self.quality(norm), self.m)


def _of_shifted_angle(theta: Tensor, shift: float | Tensor) -> Tensor:
    """Return the derivative d cos(theta + shift) / d cos(theta)."""
    return torch.sin(theta + shift) / torch.sin(theta)


def _of_clipped_angle(theta: Tensor, shift: float | Tensor, eps: float) -> Tensor:
    """Return the derivative of cos(theta + shift) by cos(theta), 0 where theta + shift is beyond [eps, pi - eps]."""
    shifted = theta + shift
    inside = (shifted > eps) & (shifted < math.pi - eps)
    return torch.where(inside, _of_shifted_angle(theta, shift), 0.0)


class ScalingMap(NamedTuple):
    """|g| over the positions of a feature between its class and another one.

    Attributes:
        angles: (A,) radians from W_y, which is at 0; beyond W_j too.
        norms: (N,).
        strength: (N, A), |g|.
    """

    angles: Tensor
    norms: Tensor
    strength: Tensor


def scaling_map(
    scaling: GradientScaling, between: float = 1.2, max_norm: float = 40.0, num_angles: int = 181, num_norms: int = 80
) -> ScalingMap:
    """Map |g| over the plane of the weights of two classes, in polar coordinates: angle from W_y, norm as radius.

    P_y is that of the softmax over the two classes, with the margin.

    Args:
        scaling: The margin.
        between: Angle between W_y and W_j in radians, in (0, pi/2], so that no angle drawn is beyond pi.
        max_norm: Largest norm.
        num_angles: A; angles go from -between to 2 between.
        num_norms: N, from near 0.

    Returns:
        float64 tensors.

    Raises:
        ValueError: If `between` is not in its range, or there is no positive norm.

    >>> scaling_map(CosFaceScaling(), between=1.2, num_angles=5, num_norms=2).strength[0].round()  # from -1.2 to 2.4
    tensor([ 0.,  0., 64., 64., 64.], dtype=torch.float64)
    """
    if not (0 < between <= math.pi / 2 and max_norm > 0):
        raise ValueError(f"between must be in (0, pi/2] and max_norm above 0, got {between} and {max_norm}")
    angles = torch.linspace(-between, 2 * between, num_angles, dtype=torch.float64)
    norms = torch.linspace(max_norm / num_norms, max_norm, num_norms, dtype=torch.float64)
    # The clamp of AdaFace's head: at 0 and pi the slope of an angular margin has no bound.
    least = math.acos(1 - margins.ADAFACE_EPS)
    theta = angles.abs().clamp(least, math.pi - least).expand(num_norms, -1)
    norm = norms[:, None].expand(-1, num_angles)
    target = scaling.margined_cosine(theta, norm)
    other = scaling.negatives(theta, torch.cos(angles - between).expand(num_norms, -1))
    probability = torch.sigmoid(scaling.s * (target - other))
    return ScalingMap(angles, norms, scaling(theta, norm, probability).abs())


def published_scalings(mean: float = 20.0, std: float = 5.0, s: float = 64.0) -> dict[str, GradientScaling]:
    """Return all margins by name, as their papers set them but with one scale.

    Args:
        mean: Mean of the norms, for AdaFace.
        std: Standard deviation of the norms, for AdaFace.
        s: Scale of the cosines.

    >>> list(published_scalings())
    ['softmax', 'CosFace', 'ArcFace', 'SphereFace', 'CurricularFace', 'MagFace', 'AdaFace']
    """
    return {
        "softmax": SoftmaxScaling(s),
        "CosFace": CosFaceScaling(s),
        "ArcFace": ArcFaceScaling(s),
        "SphereFace": SphereFaceScaling(s),
        "CurricularFace": CurricularFaceScaling(s, t=0.3),
        "MagFace": MagFaceScaling(s),
        "AdaFace": AdaFaceScaling(s, mean=mean, std=std),
    }
