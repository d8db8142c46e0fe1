"""Strokes that all parts of a face are drawn with: soft steps, bells, coverage of shapes, and paint over a picture.

They consist of additions, products and clamping: an exponential would spend its time on the subnormal numbers of its
tails. Formulas are written with `addcmul` (a + k b c) and `hardsigmoid` (x / 6 + 1 / 2 between 0 and 1), and in place,
where that saves passes over the planes: drawing is as fast as memory.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

ONE = torch.ones(())


def ramp(x: Tensor, low: float, high: float) -> Tensor:
    """Return 0 below `low`, 1 above `high`, linear in between; `low > high` gives the falling ramp.

    Example:
        >>> ramp(torch.tensor([-1.0, 0.0, 1.0, 3.0]), 0.0, 2.0)
        tensor([0.0000, 0.0000, 0.5000, 1.0000])
    """
    return F.hardsigmoid((x - 0.5 * (low + high)).mul_(6.0 / (high - low)), inplace=True)


def bell(x: Tensor, center: float | Tensor, width: float | Tensor) -> Tensor:
    """Return (1 - r^2 / 4)^4 within two widths and 0 beyond, near to exp(-r^2), with r = (x - center) / width.

    Example:
        >>> bell(torch.tensor([0.5, 1.5, 2.5]), center=0.5, width=1.0)
        tensor([1.0000, 0.3164, 0.0000])
    """
    if isinstance(width, Tensor):
        r, scale = (x - center) / width, 1.0
    else:
        r, scale = x - center, 1.0 / width
    base = torch.addcmul(ONE, r, r, value=-0.25 * scale * scale).relu_()
    base.mul_(base)
    return base.mul_(base)


def bells(table: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return a sum of bells in the plane, sum_k s_k bell(u; u_k, a_k) bell(v; v_k, b_k), as one product of matrices.

    Args:
        table: A row (s_k, u_k, a_k, v_k, b_k) for each bell, (K, 5).
        u: To the right, (1, W).
        v: Downwards, (H, 1).

    Returns:
        (H, W).
    """
    strength, center_u, width_u, center_v, width_v = table.t().unsqueeze(2)
    return torch.mm((strength * bell(v.t(), center_v, width_v)).t(), bell(u, center_u, width_u))


def cover(inside: Tensor, softness: float | Tensor) -> Tensor:
    """Return the share of a pixel that a shape covers.

    Args:
        inside: Distance to the edge of the shape, positive inside.
        softness: Width of the edge.

    Example:
        >>> cover(torch.tensor([-0.1, 0.0, 0.1]), softness=0.2)
        tensor([0.0000, 0.5000, 1.0000])
    """
    return F.hardsigmoid(inside * (6.0 / softness), inplace=True)


def over(picture: Tensor, paint: Tensor, alpha: Tensor) -> None:
    """Paint over a picture, in place: picture += alpha (paint - picture).

    Args:
        picture: (3, ...).
        paint: Of a shape that broadcasts to the picture's.
        alpha: Coverage in [0, 1], without the first dimension.
    """
    picture.lerp_(paint.expand_as(picture), alpha.expand_as(picture))


def planes(rgb: Tensor) -> Tensor:
    """Return a colour (3,) as planes to paint with, (3, 1, 1, 1)."""
    return rgb.view(3, 1, 1, 1)
