"""Photometric jitter: brightness, contrast and saturation in an order drawn per sample."""

import functools

import torch
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys, to_range

_GREY = (0.2989, 0.587, 0.114)  # torchvision's rounded Rec. 601 weights of R, G, B


class PhotometricJitter(Degradation):
    """torchvision's `ColorJitter` without hue, each sample with factors and an order of its own.

    Each of the three steps is out = clamp(f x + (1 - f) base, 0, 1) with f ~ U(max(0, 1 - strength), 1 + strength);
    base is 0 for brightness, the image's mean grey for contrast, and each pixel's grey for saturation, with
    grey = .2989 R + .587 G + .114 B. That is one affine map of the three channels per sample and step. (AdaFace's code
    takes the grey of channels it has swapped to BGR; here images are RGB.)

    Parameters drawn: `brightness`, `contrast`, `saturation`, float32 (B,), the factors; `order`, int64 (B,3): the
    step (0 brightness, 1 contrast, 2 saturation) that comes first, second and third.

    Args:
        brightness: Strength, at least 0; 0 leaves the step out.
        contrast: Strength, likewise.
        saturation: Strength, likewise.

    Raises:
        ValueError: If a strength is negative.

    >>> jitter = PhotometricJitter(brightness=0.5, contrast=0, saturation=0)
    >>> degraded, params = jitter(torch.full((1, 3, 4, 4), 0.4), Keys(torch.tensor([0])))
    >>> torch.allclose(degraded, 0.4 * params["brightness"]), params["contrast"]
    (True, tensor([1.]))
    """

    def __init__(self, brightness: float = 0.5, contrast: float = 0.5, saturation: float = 0.5) -> None:
        for name, strength in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            if strength < 0.0:
                raise ValueError(f"{name} must be at least 0, not {strength}")
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation

    def sample(self, keys: Keys) -> Params:
        """Return `brightness`, `contrast`, `saturation`, float32 (B,), and `order`, int64 (B,3)."""
        draws = keys.uniform((6,))
        params = {"order": draws[:, 3:].argsort(dim=1, stable=True)}
        strengths = {"brightness": self.brightness, "contrast": self.contrast, "saturation": self.saturation}
        for unit, (name, strength) in zip(draws.unbind(1), strengths.items(), strict=False):
            params[name] = to_range(unit, max(0.0, 1.0 - strength), 1.0 + strength)
        return params

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Take the three steps in each sample's order."""
        size = images.shape
        grey, identity = _mixing_constants(images.device)
        factors = torch.stack((params["brightness"], params["contrast"], params["saturation"]), dim=1)
        pixels = images.reshape(size[0], 3, -1)
        for step in params["order"].unbind(1):
            factor = factors.gather(1, step.unsqueeze(1))
            contrast, saturation = ((step == number).unsqueeze(1) * (1.0 - factor) for number in (1, 2))
            mean = (pixels.mean(dim=2) @ grey).unsqueeze(1)
            mixing = factor.unsqueeze(2) * identity + saturation.unsqueeze(2) * grey
            pixels = torch.bmm(mixing, pixels).add_((contrast * mean).unsqueeze(2)).clamp_(0.0, 1.0)
        return pixels.view(size)


@functools.lru_cache(maxsize=8)
def _mixing_constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return grey weights (3,) and identity (3,3), float32; kept, as copying them to a GPU would make the host wait."""
    return torch.tensor(_GREY, device=device), torch.eye(3, device=device)
