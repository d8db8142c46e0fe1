"""Banks of blur kernels: camera motion along random trajectories, and anisotropic Gaussians."""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from facequal.degradations.draws import Keys

Anchor = Literal["centroid", "start"]
GaussianSet = Literal["training", "test", "none"]

MOTION_SIZES_PX = (13, 15, 17, 19, 21, 23, 25, 27)
GAUSSIAN_SIZE_PX = 21
# (orientation in degrees, the two standard deviations in pixels); those of the tests are not seen in training
GAUSSIANS: dict[GaussianSet, tuple[tuple[float, float, float], ...]] = {
    "training": tuple((d, *s) for d, s in itertools.product((0, 45, 90, 135), ((1.0, 2.5), (1.5, 3.0)))),
    "test": tuple((d, *s) for d, s in itertools.product((15, 45, 75, 105, 135, 165), ((1.0, 2.0), (1.0, 3.0)))),
    "none": (),
}
_STEPS = 400  # a fifth of what Boracchi and Foi take; what happens in a step is scaled so that paths are alike
_PUBLISHED_STEPS, _PUBLISHED_LENGTH = 2000, 60.0
_EXPOSURES = (0.01, 0.009, 0.008, 0.007, 0.005, 0.003)  # how far the motion is from a straight line
_KERNELS_PER_CHUNK = 1024


@dataclass(frozen=True)
class KernelBank:
    """Motion kernels, then Gaussians; defined by these numbers alone, made in seconds, never stored.

    Attributes:
        num_motion: Number of motion kernels; their sizes take turns.
        gaussians: Which anisotropic Gaussians follow them: the 8 of training, the 12 of the tests, or none.
        seed: Seed of the trajectories.
        sizes_px: Odd sizes of the motion kernels.
        anchor: The point of the trajectory that lies in the middle of the kernel. With its centroid the blurred image
            stays in its place; with its start it is shifted, as by some published kernels, by up to half a kernel.

    Raises:
        ValueError: If there is no kernel, a size is even or below 3, or another value is not allowed.

    >>> bank = KernelBank(num_motion=2, sizes_px=(13,))
    >>> kernels = bank.on(torch.device("cpu"))
    >>> len(bank), kernels.shape, kernels.sum(dim=(1, 2)).round(decimals=4).unique()
    (10, torch.Size([10, 21, 21]), tensor([1.]))
    """

    num_motion: int = 25_000
    gaussians: GaussianSet = "training"
    seed: int = 0
    sizes_px: tuple[int, ...] = MOTION_SIZES_PX
    anchor: Anchor = "centroid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes_px", tuple(self.sizes_px))  # lists come from YAML and cannot be hashed
        if self.gaussians not in GAUSSIANS:
            raise ValueError(f"gaussians must be one of {', '.join(GAUSSIANS)}, not {self.gaussians!r}")
        if self.num_motion < 0 or len(self) == 0:
            raise ValueError(f"num_motion must be at least 0 (1 without Gaussians), not {self.num_motion}")
        if not self.sizes_px or any(size < 3 or size % 2 == 0 for size in self.sizes_px):
            raise ValueError(f"sizes_px must be odd and at least 3, not {self.sizes_px}")
        if self.anchor not in get_args(Anchor):
            raise ValueError(f"anchor must be one of {get_args(Anchor)}, not {self.anchor!r}")

    def __len__(self) -> int:
        """Return the number of kernels."""
        return self.num_motion + self.num_gaussians

    @property
    def num_gaussians(self) -> int:
        """Number of Gaussians, which are the last kernels."""
        return len(GAUSSIANS[self.gaussians])

    @property
    def size_px(self) -> int:
        """Side of the square in which every kernel lies, its middle in the middle, zeros around it."""
        motion = max(self.sizes_px) if self.num_motion else 0
        if motion and self.anchor == "start":
            motion = 2 * motion - 1  # a path may go to one side of its start alone
        return max(motion, GAUSSIAN_SIZE_PX if self.num_gaussians else 0)

    def on(self, device: torch.device) -> Tensor:
        """Return all kernels, float32 (N,S,S) on a device, each at least 0 and of sum 1; kept after the first call."""
        return _bank(self, torch.device(device))


@functools.lru_cache(maxsize=4)
def _bank(bank: KernelBank, device: torch.device) -> Tensor:
    kernels = torch.zeros(len(bank), bank.size_px, bank.size_px)
    for start in range(0, bank.num_motion, _KERNELS_PER_CHUNK):
        index = torch.arange(start, min(start + _KERNELS_PER_CHUNK, bank.num_motion))
        sizes_px = torch.tensor(bank.sizes_px)[index % len(bank.sizes_px)]
        paths = trajectories(Keys(index, seed=bank.seed).fold("trajectory"))
        kernels[index] = splat(paths, sizes_px, bank.anchor, bank.size_px)
    for number, (degrees, minor, major) in enumerate(GAUSSIANS[bank.gaussians], start=bank.num_motion):
        kernels[number] = anisotropic_gaussian(degrees, minor, major, bank.size_px)
    return kernels.to(device)


def trajectories(keys: Keys, num_steps: int = _STEPS) -> Tensor:
    """Draw random camera motion (Boracchi and Foi, "Modeling the performance of image restoration from motion blur").

    A point moves at constant speed; each step turns its velocity v by inertia, noise and a pull to the origin, and
    rarely by a jerk that throws it back: v += j + e (10 g sqrt(k) (n1 + i n2) - .7 c 60 k x) d, |v| = d, x += v, with d
    the length of a step, n normal, g, c ~ U(0,1), and j = 2 v exp(i (pi + u)), |u| < .5, with probability
    .2 U(0,1) e k. With k = 2000 / T these are the published paths of 2,000 steps and length 60, whatever T is.

    Args:
        keys: Names B trajectories.
        num_steps: Number T of points.

    Returns:
        complex64 (B,T): points of the image plane (real: x, imaginary: y), the first at 0, in units of the path's
        length.
    """
    exposure = torch.tensor(_EXPOSURES, device=keys.index.device)[keys.fold("exposure").integers(0, len(_EXPOSURES))]
    pull, shake, jerk, angle = keys.fold("character").uniform((4,)).unbind(1)
    coarser = _PUBLISHED_STEPS / num_steps
    pull, shake = 0.7 * _PUBLISHED_LENGTH * coarser * pull, 10.0 * math.sqrt(coarser) * shake
    jerk = 0.2 * coarser * jerk * exposure
    step = 1.0 / (num_steps - 1)
    noise = torch.view_as_complex(keys.fold("noise").normal((num_steps, 2)))
    jerks = keys.fold("jerk").uniform((num_steps,)) < jerk[:, None]
    turns = torch.polar(torch.ones_like(noise.real), math.pi - 0.5 + keys.fold("turn").uniform((num_steps,)))
    point = torch.zeros_like(noise[:, 0])
    velocity = torch.polar(exposure, 2.0 * math.pi * angle)
    path = [point]
    for t in range(num_steps - 1):
        thrown = torch.where(jerks[:, t], 2.0 * velocity * turns[:, t], 0.0)
        velocity = velocity + thrown + exposure * (shake * noise[:, t] - pull * point) * step
        velocity = velocity * (step / velocity.abs().clamp_min(1e-12))
        point = point + velocity
        path.append(point)
    return torch.stack(path, dim=1)


def splat(paths: Tensor, sizes_px: Tensor, anchor: Anchor, canvas_px: int) -> Tensor:
    """Draw trajectories as kernels on the pixel grid, every point spread over four pixels by bilinear weights.

    Each path is scaled so that it just fits into its size with its centroid in the middle; then the anchor is put in
    the middle of the canvas. The centroid of a kernel is that of its path, because bilinear weights keep it.

    Args:
        paths: Complex (B,T).
        sizes_px: int64 (B,): odd sizes.
        anchor: The point in the middle.
        canvas_px: Odd side S of the result: at least the largest size, and twice that less 1 for the start.

    Returns:
        float32 (B,S,S), at least 0, of sum 1.
    """
    centred = torch.view_as_real(paths - paths.mean(dim=1, keepdim=True))
    reach = centred.abs().amax(dim=(1, 2)).clamp_min(1e-12)
    # a hair inside the kernel, so that rounding never takes a point to the pixel beyond
    points = centred * (((sizes_px - 1) / 2 - 1e-3) / reach)[:, None, None]
    if anchor == "start":
        points = points - points[:, :1]
    points = points + (canvas_px - 1) / 2
    corner = points.floor()
    (x, y), (right, down) = corner.long().unbind(2), (points - corner).unbind(2)
    kernels = paths.real.new_zeros(len(paths), canvas_px * canvas_px)
    for dx, dy in itertools.product((0, 1), (0, 1)):
        weight = (right if dx else 1 - right) * (down if dy else 1 - down)
        kernels.scatter_add_(1, (y + dy) * canvas_px + (x + dx), weight)
    return (kernels / kernels.sum(dim=1, keepdim=True)).view(-1, canvas_px, canvas_px)


def anisotropic_gaussian(degrees: float, minor_px: float, major_px: float, canvas_px: int) -> Tensor:
    """Return a Gaussian that is wider along one direction, cut to 21x21 pixels and normalised.

    w(p) = exp(-p^T C^-1 p / 2) with C = R diag(minor^2, major^2) R^T: the arguments are standard deviations, where
    some code passes variances under this name.

    Args:
        degrees: Angle of R.
        minor_px: Standard deviation along the rotated x axis, in pixels.
        major_px: The one along the rotated y axis.
        canvas_px: Odd side S of the result; what it has beyond 21 pixels is 0.

    Returns:
        float32 (S,S) of sum 1.

    >>> anisotropic_gaussian(degrees=0, minor_px=1.0, major_px=1.0, canvas_px=3)
    tensor([[0.0751, 0.1238, 0.0751], [0.1238, 0.2042, 0.1238], [0.0751, 0.1238, 0.0751]])
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    radius = min(GAUSSIAN_SIZE_PX, canvas_px) // 2
    d = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(d, d, indexing="ij")
    across, along = (cosine * x + sine * y) / minor_px, (cosine * y - sine * x) / major_px
    weights = torch.exp(-0.5 * (across.square() + along.square()))
    border = (canvas_px - len(d)) // 2
    return torch.nn.functional.pad(weights / weights.sum(), [border] * 4).float()
