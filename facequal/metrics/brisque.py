"""BRISQUE: quality without a reference, from how far a picture's statistics are from those of undistorted ones.

Mittal, Moorthy and Bovik, "No-reference image quality assessment in the spatial domain" (2012). The weights are the
user's: `facequal.evaluation.brisque_files` reads them. Weights and features belong together, and implementations of the
features differ; these are the features of OpenCV contrib (`cv2.quality`), which follows the authors' C++ release:

- grey: 8 bits, rounded as by OpenCV's conversion, then divided by 255;
- half size: cubic (a = -3/4) without antialiasing, sizes rounded down;
- local mean and deviation: 7x7 Gaussian window of sigma 7/6 that repeats the border pixel, plus 1/255 for flat places;
- products with a neighbour outside the picture are zero and count as pixels;
- shapes: the nearest of 0.2, 0.201 ... 9.999.

Where a picture is exactly flat, coefficients are exactly 0 here; OpenCV's float32 leaves rounding there whose signs it
counts for some grey values, so pictures with flat areas can differ.

The authors' MATLAB release instead pads with zeros, halves with antialiasing and wraps round for neighbours: weights
trained on its features give slightly different scores here.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.metrics.no_reference import check_pictures

NUM_FEATURES = 36
_SMALLEST_PX = 8
_GREY = (9798.0, 19235.0, 3735.0)  # R, G, B in 1/32768
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # down, right
_WINDOW = torch.softmax(-0.5 * (torch.arange(-3, 4, dtype=torch.float64) * 6 / 7) ** 2, dim=0).tolist()
_FLAT = 1e-9  # differences from the local mean below this are rounding, not structure
_SHAPES = 0.2 + 0.001 * torch.arange(9800, dtype=torch.float64)
_RATIOS = torch.exp(2 * torch.lgamma(2 / _SHAPES) - torch.lgamma(1 / _SHAPES) - torch.lgamma(3 / _SHAPES))  # rise


@dataclass(frozen=True, slots=True)
class BRISQUEWeights:
    """Epsilon support vector regression with the kernel exp(-gamma |x - v|^2) on features scaled to [-1,1].

    Attributes:
        low: float64 (36,): features that become -1.
        high: float64 (36,): features that become 1; above `low`.
        support_vectors: float64 (N,36), of scaled features.
        coefficients: float64 (N,), alpha minus alpha*.
        rho: What is taken from the sum over the support vectors.
        gamma: Of the kernel.
    """

    low: Tensor
    high: Tensor
    support_vectors: Tensor
    coefficients: Tensor
    rho: float
    gamma: float


def brisque(images: Tensor, weights: BRISQUEWeights) -> Tensor:
    """Score pictures from 0 (as good as undistorted) to 100, where published weights are used.

    sum_i coefficient_i exp(-gamma |x - v_i|^2) - rho for the scaled features x, clamped to [0,100] as by OpenCV.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 8x8.
        weights: Of the regression.

    Returns:
        float64 (B,); lower is better; NaN for pictures without any structure.

    Raises:
        ValueError: If the images are not such a batch.

    >>> low, high = torch.zeros(36, dtype=torch.float64), torch.ones(36, dtype=torch.float64)
    >>> weights = BRISQUEWeights(low, high, low[None], torch.ones(1, dtype=torch.float64), rho=-20.0, gamma=1.0)
    >>> noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> brisque(noise, weights).round()
    tensor([20.], dtype=torch.float64)
    """
    features = brisque_features(images)
    low, high, vectors, coefficients = (
        values.to(features.device)
        for values in (weights.low, weights.high, weights.support_vectors, weights.coefficients)
    )
    scaled = 2.0 * (features - low) / (high - low) - 1.0
    distances = torch.cdist(scaled, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    scores: Tensor = torch.exp(-weights.gamma * distances.square()) @ coefficients - weights.rho
    return scores.clamp(0.0, 100.0)


def brisque_features(images: Tensor) -> Tensor:
    """Return the 36 features: 18 of the picture and 18 of it at half size, in the order of the paper's table I.

    Of each size: shape and mean variance of the coefficients (Y - mu) / (sigma + 1/255); then shape, mean, left and
    right variance of their products with the neighbour to the right, below, below right and above right.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 8x8; rounded to 8 bits.

    Returns:
        float64 (B,36); NaN for pictures without any structure.

    Raises:
        ValueError: If the images are not such a batch.

    >>> brisque_features(torch.eye(16).expand(2, 3, 16, 16)).shape
    torch.Size([2, 36])
    """
    check_pictures(images, _SMALLEST_PX)
    grey = _grey(images.detach())
    half_px = (grey.shape[2] // 2, grey.shape[3] // 2)
    half = F.interpolate(grey, size=half_px, mode="bicubic", align_corners=False)
    return torch.cat([_statistics(_normalised(grey)), _statistics(_normalised(half))], dim=1)


def _grey(images: Tensor) -> Tensor:
    """Return OpenCV's grey value of the picture saved with 8 bits: float64 (B,1,H,W), multiples of 1/255."""
    levels = (images.double().clamp(0.0, 1.0) * 255.0).round()
    weights = torch.tensor(_GREY, dtype=torch.float64, device=images.device)
    rounded = ((torch.einsum("bchw,c->bhw", levels, weights) + 16384.0) / 32768.0).floor()
    return rounded.unsqueeze(1) / 255.0


def _normalised(grey: Tensor) -> Tensor:
    """Return mean-subtracted, contrast-normalised coefficients (MSCN): (B,1,H,W), exactly 0 in flat places."""
    mean = _blurred(grey)
    deviation = (_blurred(grey.square()) - mean.square()).clamp_min(0.0).sqrt()
    difference = grey - mean
    return torch.where(difference.abs() > _FLAT, difference / (deviation + 1.0 / 255.0), 0.0)


def _blurred(grey: Tensor) -> Tensor:
    """Return the weighted mean over the window, along one axis and then the other."""
    for dim, border in ((2, (0, 0, 3, 3)), (3, (3, 3, 0, 0))):
        size, padded = grey.shape[dim], F.pad(grey, border, mode="replicate")
        # Sums of shifted views: torch's convolution in float64 is several times slower on a CPU.
        grey = sum(
            (w * padded.narrow(dim, shift, size) for shift, w in enumerate(_WINDOW)), start=torch.zeros_like(grey)
        )
    return grey


def _statistics(coefficients: Tensor) -> Tensor:
    """Return the 18 features of one size, (B,18)."""
    height, width = coefficients.shape[2:]
    padded = F.pad(coefficients, (1, 1, 1, 1))
    moments = [_moments(coefficients)]
    for y, x in _NEIGHBOURS:
        moments.append(_moments(coefficients * padded[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width]))
    shape, left, right = _asymmetric_gaussian(torch.stack(moments, dim=1))
    one, two, three = (torch.lgamma(order / shape) for order in (1.0, 2.0, 3.0))
    mean = (right.sqrt() - left.sqrt()) * torch.exp(two - 0.5 * (one + three))
    symmetric = torch.stack([shape[:, 0], (left + right)[:, 0] / 2.0], dim=1)
    return torch.cat([symmetric, torch.stack([shape, mean, left, right], dim=2)[:, 1:].flatten(1)], dim=1)


def _moments(values: Tensor) -> Tensor:
    """Return means of |x| and of x^2 over all values, and of x^2 over the negative and the positive ones: (B,4).

    A side without values has no mean: NaN.
    """
    values = values.flatten(1)
    negative, positive = values.clamp_max(0.0), values.clamp_min(0.0)
    left, right = negative.square().sum(1), positive.square().sum(1)
    means = [(positive.sum(1) - negative.sum(1)) / values.shape[1], (left + right) / values.shape[1]]
    return torch.stack([*means, left / (negative < 0).sum(1), right / (positive > 0).sum(1)], dim=1)


def _asymmetric_gaussian(moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return shape, left and right variance of the asymmetric generalised Gaussian with these moments (...,4).

    The shape a is where Gamma(2/a)^2 / (Gamma(1/a) Gamma(3/a)) is nearest to (E|x|)^2 / E[x^2] times
    (g^3 + 1) (g + 1) / (g^2 + 1)^2, g the left deviation over the right one (Lasmar, Stitou and Berthoumieu, 2009).
    """
    absolute, squared, left, right = moments.unbind(-1)
    g = (left / right).sqrt()
    ratio = absolute.square() / squared * (g**3 + 1.0) * (g + 1.0) / (g.square() + 1.0).square()
    return _shape(ratio), left, right


def _shape(ratios: Tensor) -> Tensor:
    """Return the tabulated shape whose ratio is nearest, NaN for NaN."""
    borders = (_RATIOS[1:] + _RATIOS[:-1]) / 2.0
    nearest = _SHAPES.to(ratios.device)[torch.searchsorted(borders.to(ratios.device), ratios)]
    return torch.where(ratios.isnan(), ratios, nearest)
