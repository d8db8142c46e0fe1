"""The eleven operators of NASFE's search space; some of them are also what its encoders are made of."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The order is that of alpha's columns and of published genotypes.
OperatorName = Literal["none", "skip", "dil3", "dil5", "sep3", "sep5", "attn", "res2", "resop", "deveil", "fft"]
OPERATORS: tuple[OperatorName, ...] = get_args(OperatorName)
# An inverse filter gains at most 1 / (2 sqrt(eps)) = 5.
_FFT_EPS = 0.01


def group_norm(channels: int, groups: int = 8, affine: bool = True) -> nn.GroupNorm:
    """Return a GroupNorm with as many of the groups as divide the channels.

    >>> group_norm(12).num_groups, group_norm(16).num_groups
    (4, 8)
    """
    return nn.GroupNorm(math.gcd(groups, channels), channels, affine=affine)


class Zero(nn.Module):
    """No connection: zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros of the same shape; the gradient is zero too."""
        return x * 0.0


class Res2Block(nn.Module):
    """A bottleneck with four scales (Gao et al., "Res2Net", 2019), pre-activated, C to C channels.

    GN, ReLU and a 1x1 convolution; of four quarters of the channels the first passes, and the others become
    p_i = conv3x3(p_{i-1} + x_i); GN, ReLU, 1x1; plus the input. What four does not divide is in the first part.

    Args:
        channels: C, at least 4.

    Raises:
        ValueError: If C is below 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 4:
            raise ValueError(f"channels must be at least 4, got {channels}")
        quarter = channels // 4
        self.parts = [channels - 3 * quarter, quarter, quarter, quarter]
        self.enter = nn.Sequential(group_norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 1, bias=False))
        self.paths = nn.ModuleList(
            nn.Sequential(group_norm(quarter, 4), nn.ReLU(), nn.Conv2d(quarter, quarter, 3, padding=1, bias=False))
            for _ in range(3)
        )
        self.leave = nn.Sequential(group_norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Mix features (B,C,H,W) over four scales."""
        first, *others = self.enter(x).split(self.parts, dim=1)
        outputs, previous = [first], torch.zeros_like(others[0])
        for part, path in zip(others, self.paths, strict=True):
            previous = path(previous + part)
            outputs.append(previous)
        combined: Tensor = self.leave(torch.cat(outputs, dim=1))
        return x + combined


class ResidualOperator(nn.Module):
    """Prediction of what is wrong, which is taken off: x - conv(relu(conv(x))), as for noise.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Take off what is predicted to be wrong with features (B,C,H,W)."""
        wrong: Tensor = self.second(F.relu(self.first(x)))
        return x - wrong


class Deveiling(nn.Module):
    """Multiplication by a predicted gain, as for low light: A(x) x. It begins near the identity; A is not bounded.

    Args:
        channels: C.
        num_convolutions: Of A: one in the search space, two in the encoder.
    """

    def __init__(self, channels: int, num_convolutions: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(num_convolutions - 1):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        last = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.ones_(last.bias)  # type: ignore[arg-type]
        self.gain = nn.Sequential(*layers, last)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply features (B,C,H,W) by the predicted gain."""
        gain: Tensor = self.gain(x)
        return x * gain


class FourierOperator(nn.Module):
    """Quotient of two convolved halves of the channels in the Fourier domain, as a Wiener filter has it for blur.

    X = conj(X2) X1 / (|X2|^2 + .01), with X1 and X2 the orthonormal transforms of the two halves, each convolved to C
    channels. The paper prints X2 X1 / (|X2|^2 + eps), without the conjugate: with a true blur kernel that makes a
    picture worse where the Wiener filter restores it.

    Always float32: half-precision transforms take powers of two alone, or none.

    Args:
        channels: C, even.
        conjugate: False is the printed form.

    Raises:
        ValueError: If C is odd.
    """

    def __init__(self, channels: int, conjugate: bool = True) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even, got {channels}")
        self.conjugate = conjugate
        self.numerator = nn.Conv2d(channels // 2, channels, 3, padding=1)
        self.denominator = nn.Conv2d(channels // 2, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Filter features (B,C,H,W); the result has the dtype of `x`."""
        first, second = x.chunk(2, dim=1)
        first, second = self.numerator(first), self.denominator(second)
        with torch.autocast(x.device.type, enabled=False):
            divided = wiener_divide(first.float(), second.float(), self.conjugate)
        result: Tensor = divided.to(first.dtype)
        return result


def wiener_divide(first: Tensor, second: Tensor, conjugate: bool = True) -> Tensor:
    """Return the inverse transform of conj(X2) X1 / (|X2|^2 + .01), transforms orthonormal over the last two axes.

    With a blurred picture as the first and its blur kernel as the second, it restores the picture.

    >>> kernel = torch.zeros(8, 8, dtype=torch.float64)
    >>> kernel[0, :2] = 4.0  # its orthonormal transform has 1 at frequency 0
    >>> picture = torch.ones(8, 8, dtype=torch.float64)
    >>> wiener_divide(picture, kernel)[0, 0]  # 1 / (1 + .01)
    tensor(0.9901, dtype=torch.float64)

    Args:
        first: float32 (...,H,W).
        second: float32 (...,H,W).
        conjugate: False leaves the conjugation out.

    Returns:
        float32 (...,H,W).
    """
    numerator, denominator = (torch.fft.rfft2(part, norm="ortho") for part in (first, second))
    power = denominator.real.square() + denominator.imag.square() + _FFT_EPS
    factor = denominator.conj() if conjugate else denominator
    divided: Tensor = torch.fft.irfft2(factor * numerator / power, s=first.shape[-2:], norm="ortho")
    return divided


class SelfAttention(nn.Module):
    """Self-attention over the positions (Zhang et al., SAGAN, 2019): x + gamma attention(x), gamma 0 at first.

    Queries, keys and values have C/2 channels each: equal lengths and contiguous memory let PyTorch compute the
    attention in blocks, without the matrix of all pairs of positions.

    Args:
        channels: C, even.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.query, self.key, self.value = (nn.Conv2d(channels, half, 1, bias=False) for _ in range(3))
        self.leave = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Attend from each position of features (B,C,H,W) to all."""
        batch, _, height, width = x.shape
        query, key, value = (
            part(x).flatten(2).transpose(1, 2).unsqueeze(1).contiguous() for part in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        attended = attended.squeeze(1).transpose(1, 2).reshape(batch, -1, height, width)
        change: Tensor = self.gamma * self.leave(attended)
        return x + change


def dilated(channels: int, size: int) -> nn.Module:
    """Return a dilated convolution: ReLU, depthwise with dilation 2, 1x1."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, size, padding=size - 1, dilation=2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
    )


def separable(channels: int, size: int, affine: bool) -> nn.Module:
    """Return a separable convolution: ReLU, depthwise, 1x1, GN; and ReLU, depthwise, 1x1 once more."""

    def half() -> list[nn.Module]:
        depthwise = nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=False)
        return [nn.ReLU(), depthwise, nn.Conv2d(channels, channels, 1, bias=False)]

    return nn.Sequential(*half(), group_norm(channels, affine=affine), *half())


def build_operator(name: OperatorName, channels: int, affine: bool = True) -> nn.Module:
    """Return an operator of the search space, from C to C channels; GN follows those with parameters.

    So their outputs are of comparable size.

    >>> [sum(weights.numel() for weights in build_operator(name, 8).parameters()) for name in ("skip", "dil3", "fft")]
    [0, 152, 608]

    Args:
        name: One of `OPERATORS`.
        channels: C, even and at least 4.
        affine: Whether the GroupNorms after and within operators have weights: not in the search, where a weight would
            make up for alpha.

    Raises:
        ValueError: If the name is unknown.
    """
    if name == "none":
        return Zero()
    if name == "skip":
        return nn.Identity()
    builders: dict[str, Callable[[], nn.Module]] = {
        "dil3": lambda: dilated(channels, 3),
        "dil5": lambda: dilated(channels, 5),
        "sep3": lambda: separable(channels, 3, affine),
        "sep5": lambda: separable(channels, 5, affine),
        "attn": lambda: SelfAttention(channels),
        "res2": lambda: Res2Block(channels),
        "resop": lambda: ResidualOperator(channels),
        "deveil": lambda: Deveiling(channels),
        "fft": lambda: FourierOperator(channels),
    }
    if name not in builders:
        raise ValueError(f"unknown operator {name!r}; known: {', '.join(OPERATORS)}")
    return nn.Sequential(builders[name](), group_norm(channels, affine=affine))
