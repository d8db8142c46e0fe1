"""Blur, noise and low light together: y = r (k * x) + n, the image formation of NASFE."""

import functools
import itertools
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from kornia.filters import fft_conv
from torch import Tensor

from facequal.degradations.base import Degradation, Params, replace, select
from facequal.degradations.draws import Keys, checked_probability
from facequal.degradations.kernels import KernelBank
from facequal.degradations.responses import ResponseBank
from facequal.degradations.sensor import LowLight, SensorNoise, add_noise, photograph

Domain = Literal["raw", "srgb"]

# The mixture in training; the paper does not give one. Low light is the hardest and rarely comes without noise.
MIXTURE = {"clean": 0.05, "B": 0.10, "N": 0.10, "L": 0.05, "BN": 0.15, "BL": 0.05, "NL": 0.15, "BNL": 0.35}
CLASSES = {name: tuple(float(letter in name) for letter in "BNL") for name in MIXTURE}  # {b, n, l}


class KernelBlur(Degradation):
    """Convolution with a kernel drawn from a bank, the image mirrored about its border pixels.

    A true convolution, as in the image formation model; filters are often correlations. By Fourier transform, whose
    cost hardly grows with the kernel.

    Parameters drawn: `kernel_id`, int64 (B,), position in the bank.

    Args:
        bank: The kernels.
        p_gaussian: Probability of one of the bank's Gaussians, otherwise of a motion kernel; of no effect where the
            bank has one sort alone.

    Raises:
        ValueError: If p_gaussian is not in [0, 1].

    >>> blur_all = KernelBlur(KernelBank(num_motion=0))  # eight Gaussians of 21x21 pixels
    >>> degraded, params = blur_all(torch.zeros(2, 3, 32, 32), Keys(torch.arange(2)))
    >>> degraded.shape, params["kernel_id"].shape
    (torch.Size([2, 3, 32, 32]), torch.Size([2]))
    """

    def __init__(self, bank: KernelBank | None = None, p_gaussian: float = 0.2) -> None:
        self.bank = KernelBank() if bank is None else bank
        self.p_gaussian = checked_probability("p_gaussian", p_gaussian)

    def sample(self, keys: Keys) -> Params:
        """Return `kernel_id`, int64 (B,)."""
        num_motion, num_gaussians = self.bank.num_motion, self.bank.num_gaussians
        motion = keys.fold("motion").integers(0, max(1, num_motion))
        gaussian = num_motion + keys.fold("gaussian").integers(0, max(1, num_gaussians))
        p_gaussian = float(num_motion == 0) if 0 in (num_motion, num_gaussians) else self.p_gaussian
        return {"kernel_id": torch.where(keys.fold("sort").bernoulli(p_gaussian), gaussian, motion)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Blur with `kernel_id`.

        Raises:
            ValueError: If the images are smaller than the bank's kernels.
        """
        return blur(images, params["kernel_id"], self.bank)


class MultiDegradation(Degradation):
    """Blur, low light and sensor noise in one, each present or not: y = f(demosaic(clamp(r f^-1(k * x) + n))).

    The classes {b, n, l} of a sample are drawn from a mixture. A blurred image is convolved (`KernelBlur`); one that
    is dark or noisy is taken anew by a camera (`LowLight` and `SensorNoise` with one response and one mosaic for
    both); a clean one comes back bit by bit, and one that is only blurred never meets a mosaic.

    Parameters drawn: `classes`, float32 (B,3), 1 where there is blur, noise, low light; `kernel_id`, int64 (B,), -1
    without blur; `sigma_s` and `sigma_c`, float32 (B,), 0 without noise; `r`, float32 (B,), 1 without low light;
    `noise_id`, `response_id` and `mosaic_id`, int64 (B,).

    Args:
        mixture: Shares of the classes, in proportion: names of `MIXTURE`, such as {"clean": 1, "BNL": 3}. In YAML it is
            merged with one that is inherited: a share of 0 leaves a class out.
        bank: The kernels; None for those of training.
        p_gaussian: As in `KernelBlur`.
        r: As in `LowLight`.
        sigma_s: As in `SensorNoise`.
        sigma_c: As in `SensorNoise`.
        responses: The camera responses; None for the default bank.
        domain: "raw" as above. "srgb" takes the values of the picture for light, y = clamp(r (k * x) + n), with neither
            response nor mosaic: for comparison.

    Raises:
        ValueError: If the mixture names an unknown class, has a negative share or none above 0, or another value is out
            of its range.

    >>> dark = MultiDegradation({"L": 1}, bank=KernelBank(num_motion=0), r=(0.1, 0.1))
    >>> degraded, params = dark(torch.full((2, 3, 32, 32), 0.5), Keys(torch.arange(2)))
    >>> params["classes"][0], params["r"][0], bool(degraded.max() < 0.4)
    (tensor([0., 0., 1.]), tensor(0.1000), True)
    """

    def __init__(
        self,
        mixture: Mapping[str, float] | None = None,
        bank: KernelBank | None = None,
        p_gaussian: float = 0.2,
        r: tuple[float, float] = (0.05, 0.5),
        sigma_s: tuple[float, float] = (0.01, 0.16),
        sigma_c: tuple[float, float] = (0.01, 0.06),
        responses: ResponseBank | None = None,
        domain: Domain = "raw",
    ) -> None:
        self.mixture = dict(MIXTURE if mixture is None else mixture)
        unknown = sorted(set(self.mixture) - set(CLASSES))
        if unknown:
            raise ValueError(f"mixture: unknown class {unknown[0]!r}; known: {', '.join(CLASSES)}")
        if not self.mixture or min(self.mixture.values()) < 0.0 or not 0.0 < sum(self.mixture.values()) < float("inf"):
            raise ValueError(f"mixture needs shares of at least 0 and one above 0, not {self.mixture}")
        if domain not in get_args(Domain):
            raise ValueError(f"domain must be one of {get_args(Domain)}, not {domain!r}")
        self.blur = KernelBlur(bank, p_gaussian)
        self.low_light, self.noise = LowLight(r, responses), SensorNoise(sigma_s, sigma_c, responses)
        self.domain = domain

    def sample(self, keys: Keys) -> Params:
        """Return `classes` and the values of each part, as above."""
        classes = self._sample_classes(keys.fold("classes").uniform())
        blurred, noisy, dark = classes.bool().unbind(1)
        noise = self.noise.sample(keys)
        return {
            "classes": classes,
            "kernel_id": torch.where(blurred, self.blur.sample(keys.fold("blur"))["kernel_id"], -1),
            "r": torch.where(dark, self.low_light.sample(keys)["r"], 1.0),
            **noise,
            **{name: torch.where(noisy, noise[name], 0.0) for name in ("sigma_s", "sigma_c")},
        }

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Degrade the samples as `classes` says, in a copy of the batch.

        Raises:
            ValueError: If the images are smaller than the bank's kernels, and some are to be blurred.
        """
        blurred, noisy, dark = params["classes"].bool().unbind(1)
        images = replace(images, blurred, lambda part, chosen: blur(part, params["kernel_id"][chosen], self.blur.bank))
        return replace(images, noisy | dark, lambda part, chosen: self._expose(part, select(params, chosen)))

    def _expose(self, images: Tensor, params: Params) -> Tensor:
        if self.domain == "raw":
            return photograph(images, params, self.noise.responses)
        return add_noise(images * params["r"][:, None, None, None], params)

    def _sample_classes(self, unit: Tensor) -> Tensor:
        """Return {b, n, l}, float32 (B,3), by the mixture."""
        bounds, classes = _class_tables(tuple(self.mixture.items()), unit.device)
        return classes[torch.searchsorted(bounds, unit.contiguous(), right=True)]


def blur(images: Tensor, kernel: Tensor, bank: KernelBank) -> Tensor:
    """Convolve every sample with its kernel, mirrored about the border pixels.

    Args:
        images: float32 (B,3,H,W) in [0,1].
        kernel: int64 (B,), positions in the bank.
        bank: The kernels.

    Returns:
        float32 (B,3,H,W) in [0,1].

    Raises:
        ValueError: If the images are smaller than the bank's kernels.
    """
    if min(images.shape[-2:]) < bank.size_px:
        height, width = images.shape[-2:]
        raise ValueError(f"images of {height}x{width} pixels are smaller than kernels of {bank.size_px}x{bank.size_px}")
    kernels = bank.on(images.device)[kernel]
    blurred: Tensor = fft_conv(images, kernels, border_type="reflect", behaviour="conv")
    return blurred.clamp_(0.0, 1.0)


def drawn_classes(params: Params) -> Tensor | None:
    """Return the class vectors {b, n, l} among drawn values, float32 (B,3); None where no `MultiDegradation` drew.

    Of several, what any of them did counts; what a `RandomApply` left alone does not.

    Args:
        params: What a degradation drew; in a `Compose` its name stands before that of the value.

    >>> params = {"multi.applied": torch.tensor([True, False]), "multi.classes": torch.ones(2, 3)}
    >>> drawn_classes(params)
    tensor([[1., 1., 1.], [0., 0., 0.]])
    """
    drawn: Tensor | None = None
    for name, value in params.items():
        prefix, _, last = name.rpartition(".")
        if last == "classes":
            for applied in _applied(prefix, params):
                value = value * applied[:, None]
            drawn = value if drawn is None else torch.maximum(drawn, value)
    return drawn


def _applied(prefix: str, params: Params) -> list[Tensor]:
    """Return what every `RandomApply` around a degradation of that prefix drew, bool (B,) each."""
    parts = prefix.split(".") if prefix else []
    names = [".".join((*parts[:depth], "applied")) for depth in range(len(parts) + 1)]
    return [params[name] for name in names if name in params]


def class_numbers(classes: Tensor) -> Tensor:
    """Return the positions in `CLASSES` of class vectors {b, n, l}, (B,3): int64 (B,).

    >>> class_numbers(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])), list(CLASSES)
    (tensor([0, 7]), ['clean', 'B', 'N', 'L', 'BN', 'BL', 'NL', 'BNL'])
    """
    known = torch.tensor(list(CLASSES.values()), device=classes.device)
    return (classes[:, None] == known).all(dim=2).int().argmax(dim=1)


@functools.lru_cache(maxsize=16)
def _class_tables(mixture: tuple[tuple[str, float], ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return upper bounds (n-1,) of the classes' parts of [0,1) and their {b,n,l} (n,3); kept, to spare a GPU copies.

    Classes of share 0 are left out, so that rounding cannot give them a sample.
    """
    shares = {name: share for name, share in mixture if share > 0.0}
    bounds = torch.tensor(list(itertools.accumulate(shares.values())), dtype=torch.float64)
    classes = torch.tensor([CLASSES[name] for name in shares])
    return (bounds[:-1] / bounds[-1]).float().to(device), classes.to(device)
