"""Degradations that move or cut: zero-padded crop, rotation, horizontal flip."""

import math

import torch
from kornia.geometry.transform import rotate
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys, checked_probability, checked_range, to_range

_ATTEMPTS = 10  # of torchvision's RandomResizedCrop, before it takes a centre crop


class ZeroPadCrop(Degradation):
    """AdaFace's crop: the box of a `RandomResizedCrop`, with everything outside set to 0; nothing moves or is resized.

    As in torchvision, a relative area a ~ U(scale) and an aspect ratio r = exp(U(log ratio)) are drawn until a box of
    width sqrt(a r) and height sqrt(a / r) fits the image, at most 10 times; then the largest centred box with the
    nearest allowed ratio is taken. Widths and heights are relative to those of the image; so on images that are not
    square r is relative to the image's own aspect ratio.

    Parameters drawn, float32 (B,): `height` and `width`, relative, in (0, 1]; `top` and `left`, in [0, 1): the
    position among all that the box can take.

    Args:
        scale: Range of the box's area relative to the image's, within (0, 1].
        ratio: Range of the box's width over its height.

    Raises:
        ValueError: If `scale` is not a range within (0, 1], or `ratio` not one of positive numbers.

    >>> quarter = ZeroPadCrop(scale=(0.25, 0.25), ratio=(1.0, 1.0))
    >>> degraded, params = quarter(torch.ones(1, 3, 16, 16), Keys(torch.tensor([0])))
    >>> degraded.mean(), params["height"]
    (tensor(0.2500), tensor([0.5000]))
    """

    def __init__(self, scale: tuple[float, float] = (0.2, 1.0), ratio: tuple[float, float] = (0.75, 4 / 3)) -> None:
        self.scale = checked_range("scale", scale, 0.0, 1.0, positive=True)
        self.ratio = (float(ratio[0]), float(ratio[1]))
        if not 0.0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio must be a range of positive numbers, not {self.ratio}")

    def sample(self, keys: Keys) -> Params:
        """Return `height`, `width`, `top`, `left`, float32 (B,)."""
        area, log_ratio, top, left = keys.uniform((_ATTEMPTS + 1, 4)).unbind(2)
        # in float64, where devices round alike often enough for the float32 results to agree
        area = to_range(area, *self.scale).double()
        ratio = to_range(log_ratio, math.log(self.ratio[0]), math.log(self.ratio[1])).double().exp()
        height, width = (area / ratio).sqrt(), (area * ratio).sqrt()
        # the last column stands for the centre crop, which always fits
        nearest = min(max(1.0, self.ratio[0]), self.ratio[1])
        height[:, -1], width[:, -1] = min(1.0, 1.0 / nearest), min(1.0, nearest)
        top[:, -1], left[:, -1] = 0.5, 0.5
        chosen = ((height <= 1.0) & (width <= 1.0)).int().argmax(dim=1, keepdim=True)  # the first that fits
        params = {"height": height.float(), "width": width.float(), "top": top, "left": left}
        return {name: value.gather(1, chosen).squeeze(1) for name, value in params.items()}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Set the pixels outside the box to 0."""
        rows = _inside(params["height"], params["top"], images.shape[2])
        columns = _inside(params["width"], params["left"], images.shape[3])
        return images * (rows.unsqueeze(2) * columns.unsqueeze(1)).unsqueeze(1)


class Rotation(Degradation):
    """Rotation about the image's centre by an angle ~ U(-degrees, degrees); bilinear, what comes into view is 0.

    Parameters drawn: `angle_degrees`, float32 (B,), anti-clockwise.

    Args:
        degrees: Largest angle, at least 0.

    Raises:
        ValueError: If `degrees` is negative.

    >>> images = torch.zeros(1, 3, 5, 5)
    >>> images[..., 2, 4] = 1.0  # right of the middle
    >>> Rotation().apply_drawn(images, {"angle_degrees": torch.tensor([90.0])})[0, 0, 0].round()  # now above it
    tensor([0., 0., 1., 0., 0.])
    """

    def __init__(self, degrees: float = 45.0) -> None:
        if degrees < 0.0:
            raise ValueError(f"degrees must be at least 0, not {degrees}")
        self.degrees = degrees

    def sample(self, keys: Keys) -> Params:
        """Return `angle_degrees`, float32 (B,)."""
        return {"angle_degrees": keys.uniform((), -self.degrees, self.degrees)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Rotate by `angle_degrees`."""
        rotated: Tensor = rotate(images, params["angle_degrees"], mode="bilinear", padding_mode="zeros")
        return rotated.clamp_(0.0, 1.0)


class HorizontalFlip(Degradation):
    """Mirroring of each image, left to right, with probability p.

    Parameters drawn: `flipped`, bool (B,).

    Args:
        p: Probability in [0, 1].

    Raises:
        ValueError: If p is not in [0, 1].

    >>> images = torch.tensor([0.0, 0.5, 1.0]).expand(1, 3, 1, 3)
    >>> HorizontalFlip(p=1.0)(images, Keys(torch.tensor([0])))[0][0, 0]
    tensor([[1.0000, 0.5000, 0.0000]])
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = checked_probability("p", p)

    def sample(self, keys: Keys) -> Params:
        """Return `flipped`, bool (B,)."""
        return {"flipped": keys.bernoulli(self.p)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Mirror the samples with `flipped`; the others keep their bits."""
        return torch.where(params["flipped"].view(-1, 1, 1, 1), images.flip(3), images)


def interval_px(length: Tensor, position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the first pixel and the number of pixels of intervals along an axis, whole numbers as float32 (B,1) each.

    Args:
        length: float32 (B,), relative to the axis, in (0, 1].
        position: float32 (B,) in [0, 1), among all that the interval can take.
        size: Pixels of the axis.
    """
    pixels = (length * size).round().clamp_(1, size).unsqueeze(1)
    return (position.unsqueeze(1) * (size - pixels + 1)).floor().minimum(size - pixels), pixels


def _inside(length: Tensor, position: Tensor, size: int) -> Tensor:
    """Return float32 (B, size): 1 inside the interval, else 0; see `interval_px`."""
    start, pixels = interval_px(length, position, size)
    x = torch.arange(size, device=length.device)
    return ((x >= start) & (x < start + pixels)).float()
