"""Counter-based random draws: a pure function of (seed, epoch, sample index, stream).

A stream of random numbers gives a sample other draws when the batch size, the number of workers or the rank changes.
Here nothing is consumed: every draw is Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011) of a counter that names the sample. Philox is written in int64 tensor arithmetic, whose products wrap around
alike on every device, so integers and uniforms are bit-identical everywhere.
"""

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_EPOCH_BITS = 24  # the other 8 bits of that counter word extend the sample index from 32 to 40 bits
_Convert = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_BLOCKS_PER_CHUNK = 8192  # on a CPU: the working set of one chunk stays in the L2 cache


@functools.lru_cache(maxsize=64)
def _round_constants(seed: int, device: torch.device) -> tuple[Tensor, list[Tensor], Tensor, Tensor]:
    """Return multipliers (2,1,1), one (2,1,1) round key per round, and the scalars 2^32-1 and 32, as int64 tensors.

    Constants that are tensors already nearly halve the cost of small draws, which is all dispatch.
    """
    low, high = seed & _MASK, seed >> 32
    keys = [[(low + r * _KEY_STEPS[0]) & _MASK, (high + r * _KEY_STEPS[1]) & _MASK] for r in range(_ROUNDS)]
    round_keys = torch.tensor(keys, dtype=torch.int64, device=device).view(_ROUNDS, 2, 1, 1)
    multipliers = torch.tensor(_MULTIPLIERS, dtype=torch.int64, device=device).view(2, 1, 1)
    return multipliers, list(round_keys), torch.tensor(_MASK), torch.tensor(32)


def philox_4x32_10(even: Tensor, odd: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Compute Philox-4x32 with 10 rounds, the counter-based generator of Random123.

    Args:
        even: Counter words c0 and c2, int64 (2,n,m) with values in [0, 2^32).
        odd: Counter words c1 and c3, int64 (2,n,m) with values in [0, 2^32).
        seed: The 64-bit key; its low 32 bits are the first key word.

    Returns:
        The output words 0 and 2, and the words 1 and 3: int64 (2,n,m) with values in [0, 2^32).
    """
    multipliers, round_keys, mask, half = _round_constants(seed, even.device)
    # One round is (c0, c1, c2, c3) -> (hi1^c1^k0, lo1, hi0^c3^k1, lo0) with hi:lo the products m0*c0 and m1*c2.
    # Even and odd words are two rows, so that a round is six operations. Odd words keep their high halves until they
    # are masked with the next even words; a negative product is right too, because the mask removes the sign bits.
    for round_key in round_keys:
        product = (even * multipliers).flip(0)
        even = torch.bitwise_right_shift(product, half)
        even.bitwise_xor_(odd).bitwise_xor_(round_key).bitwise_and_(mask)
        odd = product
    return even, odd & mask


@dataclass(frozen=True, eq=False)
class Keys:
    """The names of the draws of a batch of samples; immutable, and asking twice gives the same draws.

    Sample i's draws depend on (seed, epoch, index[i], stream) alone: on nothing else in the batch, on no global state.
    For independent draws of the same sample fold a name into the stream: `keys.fold("angle").uniform()`.

    Value k of a draw is word k mod 4 of the Philox output for the counter words
    (epoch + 2^24 * (index div 2^32), index mod 2^32, stream, k div 4): a longer draw begins with the shorter one.

    Attributes:
        index: (B,) int64, sample indices. They count modulo 2^40 (about 10^12): reading them to raise an error
            would make the host wait for the GPU in every batch.
        seed: The 64-bit key of Philox, in [0, 2^64).
        epoch: In [0, 2^24).
        stream: In [0, 2^32); made by `fold`.

    Raises:
        TypeError: If `index` is not an int64 tensor.
        ValueError: If `index` is not one-dimensional, or seed, epoch or stream is out of its range.

    >>> keys = Keys(torch.tensor([3, 17]), seed=1)
    >>> keys.uniform((2,))
    tensor([[0.9139, 0.6054],
            [0.0452, 0.2485]])
    >>> Keys(torch.tensor([17]), seed=1).uniform((2,))  # whatever else is in the batch
    tensor([[0.0452, 0.2485]])
    >>> keys.fold("angle").integers(0, 360)
    tensor([185, 338])
    """

    index: Tensor
    seed: int = 0
    epoch: int = 0
    stream: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.index, Tensor) or self.index.dtype != torch.int64:
            kind = self.index.dtype if isinstance(self.index, Tensor) else type(self.index).__name__
            raise TypeError(f"index must be an int64 tensor, not {kind}")
        if self.index.ndim != 1:
            raise ValueError(f"index must have the shape (B,), not {tuple(self.index.shape)}")
        for name, value, bits in (
            ("seed", self.seed, 64),
            ("epoch", self.epoch, _EPOCH_BITS),
            ("stream", self.stream, 32),
        ):
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{name} must be in [0, 2^{bits}), not {value}")

    def __len__(self) -> int:
        """Return the number of samples B."""
        return self.index.shape[0]

    def fold(self, name: str | int) -> Self:
        """Return keys of an independent stream: the new stream is a 32-bit BLAKE2b hash of the present one and `name`.

        The hash is the same in every process (Python's own `hash` is not), and 1 and "1" are different names.
        """
        text = f"{self.stream}/{type(name).__name__}/{name}"
        digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
        return replace(self, stream=int.from_bytes(digest, "little"))

    def bits(self, shape: tuple[int, ...] = ()) -> Tensor:
        """Return random 32-bit words: int64 (B, *shape) in [0, 2^32)."""
        return self._draw(shape, torch.int64, lambda even, odd: (even, odd))

    def uniform(self, shape: tuple[int, ...] = (), low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return uniform draws: float32 (B, *shape) in [low, high), multiples of 2^-24 of the width.

        Raises:
            ValueError: If low > high. Equal bounds are allowed and give the constant.
        """
        # 24 bits fill a float32's significand; rounding 32 of them could give 1
        unit = self._draw(shape, torch.float32, lambda even, odd: (even >> 8, odd >> 8)).mul_(2.0**-24)
        return unit if (low, high) == (0.0, 1.0) else to_range(unit, low, high)

    def integers(self, low: int, high: int, shape: tuple[int, ...] = ()) -> Tensor:
        """Return uniform integers: int64 (B, *shape) in [low, high); probabilities are equal to within 2^-32.

        Raises:
            ValueError: If the range is empty or wider than 2^31.
        """
        if not 0 < high - low <= 1 << 31:
            raise ValueError(f"integers need low < high <= low + 2^31, not low={low}, high={high}")
        return ((self.bits(shape) * (high - low)) >> 32) + low

    def normal(self, shape: tuple[int, ...] = ()) -> Tensor:
        """Return standard normal draws by Box-Muller: float32 (B, *shape), equal on all devices to 1e-5, |z| <= 6.7.

        z0 = sqrt(-2 ln u0) cos(2 pi u1), z1 = sqrt(-2 ln u0) sin(2 pi u1), with u from the words of one counter.
        """
        return self._draw(shape, torch.float32, _box_muller)

    def bernoulli(self, p: float, shape: tuple[int, ...] = ()) -> Tensor:
        """Return coin flips: bool (B, *shape), true with probability p (to 2^-24; 0 and 1 are exact).

        Raises:
            ValueError: If p is not in [0, 1].
        """
        return self.uniform(shape) < checked_probability("p", p)

    def _draw(self, shape: tuple[int, ...], dtype: torch.dtype, convert: _Convert) -> Tensor:
        """Fill (B, *shape) with converted words; on a CPU some rows at a time, to stay in the cache."""
        size, num_values = len(self), math.prod(shape)
        blocks = -(-num_values // 4)
        values = torch.empty((size, blocks, 2, 2), dtype=dtype, device=self.index.device)
        rows = max(1, _BLOCKS_PER_CHUNK // max(1, blocks)) if values.device.type == "cpu" else max(1, size)
        for start in range(0, size, rows):
            part = values[start : start + rows].permute(2, 0, 1, 3)
            even, odd = philox_4x32_10(*self._counter(self.index[start : start + rows], blocks), self.seed)
            part[..., 0], part[..., 1] = convert(even, odd)
        return values.view(size, 4 * blocks)[:, :num_values].reshape(size, *shape)

    def _counter(self, index: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
        even = index.new_full((2, len(index), blocks), self.stream)
        even[0] = (((index >> 32) & 0xFF) << _EPOCH_BITS | self.epoch).unsqueeze(1)
        odd = torch.empty_like(even)
        odd[0] = (index & _MASK).unsqueeze(1)
        odd[1] = torch.arange(blocks, device=index.device)
        return even, odd


def to_range(unit: Tensor, low: float, high: float) -> Tensor:
    """Map uniforms in [0, 1) to [low, high); product and sum are rounded apart, so that no device fuses them.

    Args:
        unit: float32, any shape, in [0, 1).
        low: Smallest value.
        high: Upper bound, never reached unless it equals `low`.

    Raises:
        ValueError: If low > high.

    >>> to_range(torch.tensor([0.0, 0.5]), low=10.0, high=20.0)
    tensor([10., 15.])
    """
    if low > high:
        raise ValueError(f"a range needs low <= high, not low={low}, high={high}")
    last = float(np.nextafter(np.float32(high), np.float32(low)))
    return unit.mul(high - low).add_(low).clamp_(max=last)


def to_choice(unit: Tensor, n: int) -> Tensor:
    """Map float32 uniforms in [0, 1) to int64 in [0, n): floor(n * unit); for n far below 2^24.

    >>> to_choice(torch.tensor([0.0, 0.4, 0.99]), n=5)
    tensor([0, 2, 4])
    """
    return unit.mul(n).long().clamp_(max=n - 1)


def checked_range(
    name: str, values: tuple[float, float], low: float, high: float, positive: bool = False
) -> tuple[float, float]:
    """Return a range as two floats, checked.

    Args:
        name: How errors call it.
        values: Its two ends.
        low: Lowest value allowed.
        high: Highest value allowed.
        positive: Whether 0 is not allowed.

    Raises:
        ValueError: If not low <= first <= second <= high, or the first is 0 where it must be positive.

    >>> checked_range("scale", [0, 1], low=0.0, high=1.0)
    (0.0, 1.0)
    """
    if len(values) != 2:
        raise ValueError(f"{name} must be a range of two numbers, not {values}")
    first, second = float(values[0]), float(values[1])
    if not low <= first <= second <= high or (positive and first <= 0.0):
        raise ValueError(
            f"{name} must be a range within {'(' if positive else '['}{low:g}, {high:g}], not {(first, second)}"
        )
    return first, second


def checked_probability(name: str, value: float) -> float:
    """Return a probability.

    Args:
        name: Name of the argument, for the error message.
        value: Its value.

    Raises:
        ValueError: If it is not in [0, 1].
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], not {value}")
    return value


def _box_muller(even: Tensor, odd: Tensor) -> tuple[Tensor, Tensor]:
    radius = (even + 1).float().mul_(2.0**-32).log_().mul_(-2.0).sqrt_()  # of (0, 1], so the logarithm is finite
    angle = odd.float().mul_(2.0 * math.pi * 2.0**-32)
    return radius * angle.cos(), radius * angle.sin()
