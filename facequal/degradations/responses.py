"""Camera response functions: from the light on the sensor to the values of a picture, and back."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NUM_SAMPLES = 1024
NUM_RESPONSES = 201
# The default curves' exponents: quantiles of those of 201 measured cameras, log f(.2) / log .2.
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_EXPONENTS = (0.20, 0.257, 0.373, 0.465, 0.636, 1.115, 1.6)
_SMALLEST_RISE = 1e-7
_LARGEST_FALL = 1e-2  # of a measured curve, by its noise


@dataclass(frozen=True)
class ResponseBank:
    """Camera response curves f, rising from f(0) = 0 to f(1) = 1, each with its inverse.

    Without a file: 201 curves f(L) = .7 t + .3 (3 t^2 - 2 t^3), t = L^e, with exponents e spread as those of the
    measured cameras of Columbia's Database of Response Functions (DoRF). With a file: the measured curves themselves,
    or a user's own.

    Attributes:
        path: `.npy` with an array (N,K) of N curves at K evenly spaced irradiances from 0 to 1, or DoRF's
            `dorfCurves.txt` (per curve six lines: name, kind, `I =`, irradiances, `B =`, brightnesses); None for the
            default curves.

    >>> curves, inverses = ResponseBank().on(torch.device("cpu"))
    >>> curves.shape, bool((curves.diff(dim=1) > 0).all())
    (torch.Size([201, 1024]), True)
    """

    path: str | None = None

    def __len__(self) -> int:
        """Return the number of curves."""
        return len(_curves(self))

    def on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return curves and inverses, float32 (N,1024) each, at evenly spaced arguments; kept after the first call.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file holds something else; names the file and what is wrong.
        """
        return _tables(self, torch.device(device))


@functools.lru_cache(maxsize=4)
def _tables(bank: ResponseBank, device: torch.device) -> tuple[Tensor, Tensor]:
    grid = np.linspace(0.0, 1.0, NUM_SAMPLES)
    curves = _curves(bank)
    inverses = np.stack([np.interp(grid, curve, grid) for curve in curves])
    return torch.from_numpy(curves).float().to(device), torch.from_numpy(inverses).float().to(device)


@functools.lru_cache(maxsize=4)
def _curves(bank: ResponseBank) -> NDArray[np.float64]:
    """Return float64 (N,1024), strictly rising from 0 to 1."""
    if bank.path is None:
        return _default_curves()
    path = Path(bank.path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; expected an array of response curves (.npy) or DoRF's text file"
        )
    measured = _read_npy(path) if path.suffix == ".npy" else _read_dorf(path)
    if not measured:
        raise ValueError(f"{path}: holds no response curve")
    for number, curve in enumerate(measured):
        fall = float(np.max(np.maximum.accumulate(curve) - curve)) if np.isfinite(curve).all() else math.inf
        if fall > _LARGEST_FALL or abs(curve[0]) > 0.05 or abs(curve[-1] - 1.0) > 0.05:
            what = f"{curve[0]:g} ... {curve[-1]:g}, falling by up to {fall:g} between"
            raise ValueError(f"{path}: curve {number} does not rise from 0 to 1: {what}")
    # measured curves begin a little beside 0, waver, and have level parts, which have no inverse
    curves: NDArray[np.float64] = np.maximum.accumulate(measured, axis=1)
    rising = curves - curves[:, :1] + _SMALLEST_RISE * np.arange(NUM_SAMPLES)
    return rising / rising[:, -1:]


def _default_curves() -> NDArray[np.float64]:
    quantiles = np.linspace(0.0, 1.0, NUM_RESPONSES)
    exponents = np.exp(np.interp(quantiles, _QUANTILES, np.log(_EXPONENTS)))
    t = np.linspace(0.0, 1.0, NUM_SAMPLES) ** exponents[:, None]
    return 0.7 * t + 0.3 * (3.0 * t**2 - 2.0 * t**3)


def _read_npy(path: Path) -> list[NDArray[np.float64]]:
    try:
        curves = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: no array of numbers: {error}") from None
    if not isinstance(curves, np.ndarray):
        raise ValueError(f"{path}: several arrays (.npz); expected one (.npy)")
    if curves.ndim != 2 or curves.shape[1] < 2 or curves.dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected an array (N,K) of N curves, got {curves.dtype} {curves.shape}")
    points = np.linspace(0.0, 1.0, curves.shape[1])
    return [_resample(points, curve) for curve in curves.astype(np.float64)]


def _read_dorf(path: Path) -> list[NDArray[np.float64]]:
    lines = [line.strip() for line in path.read_text(encoding="latin-1").splitlines() if line.strip()]
    if len(lines) % 6:
        raise ValueError(f"{path}: {len(lines)} lines, but DoRF has six per curve")
    curves = []
    for first in range(0, len(lines), 6):
        name, _, irradiance, x, brightness, y = lines[first : first + 6]
        if not (irradiance.startswith("I") and brightness.startswith("B")):
            raise ValueError(f"{path}: curve {name!r}: expected the lines 'I =' and 'B =', got {irradiance[:20]!r}")
        try:
            points, values = (np.array(line.split(), dtype=np.float64) for line in (x, y))
        except ValueError:
            raise ValueError(f"{path}: curve {name!r} holds something that is no number") from None
        if len(points) != len(values) or len(points) < 2:
            raise ValueError(f"{path}: curve {name!r} has {len(points)} irradiances and {len(values)} brightnesses")
        if not (np.diff(points) > 0.0).all() or abs(points[0]) > 0.05 or abs(points[-1] - 1.0) > 0.05:
            raise ValueError(f"{path}: curve {name!r}: irradiances do not rise from 0 to 1")
        curves.append(_resample(points, values))
    return curves


def _resample(points: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(np.linspace(0.0, 1.0, NUM_SAMPLES), points, values)


def look_up(tables: Tensor, values: Tensor) -> Tensor:
    """Evaluate one table per sample, linearly between its entries.

    Args:
        tables: float32 (B,K), values of a function at K evenly spaced arguments from 0 to 1.
        values: float32 (B, ...) in [0,1].

    Returns:
        float32 of the shape of `values`.

    >>> look_up(torch.tensor([[0.0, 0.5, 2.0]]), torch.tensor([[0.25, 0.75]]))
    tensor([[0.2500, 1.2500]])
    """
    num_samples, last = len(tables), tables.shape[1] - 1
    position = values.reshape(num_samples, -1) * last
    below = position.long().clamp_(max=last - 1)
    low = tables.gather(1, below)
    high = tables.gather(1, below + 1)
    return torch.lerp(low, high, position - below).view(values.shape)
