"""ROC curves as a file: `roc.npz` beside `results.csv`, so that curves of several models can be drawn into one picture.

The file holds, all without pickled objects:

- `keys`: text, JSON: a list of `[protocol, condition, column]`, one per curve, C in all.
- `lengths`: (C,) int64, number of points of each curve.
- `far`, `tar`, `threshold`: (sum of lengths,) float64, the points of all curves one after the other.
- `num_genuine`, `num_impostor`: (C,) int64.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facequal.metrics.roc import RocCurve
from facequal.reports.results import write_atomically

CurveKey = tuple[str, str, str]
"""Protocol, condition, column."""

CURVES_FILE = "roc.npz"

_POINTS = ("far", "tar", "threshold")
_MEMBERS = ("keys", "lengths", *_POINTS, "num_genuine", "num_impostor")


def without_straight_points(curve: RocCurve) -> RocCurve:
    """Return the same curve without the points inside its horizontal and vertical stretches.

    AUC, EER and TAR at FAR <= target stay as they are, up to the rounding of sums. Points on slanted stretches are
    kept, as a slanted step is one of equal scores and cannot be taken in part. The published rule `nearest` looks at
    points, so it can give another TAR where scores are equal.

    Args:
        curve: Of K points.

    Returns:
        A curve of at most K points; the first and the last are those of `curve`.
    """
    inside = torch.zeros_like(curve.far, dtype=torch.bool)
    for rate in (curve.far, curve.tar):
        is_equal = rate[1:] == rate[:-1]
        inside[1:-1] |= is_equal[1:] & is_equal[:-1]
    far, tar, threshold = (getattr(curve, name)[~inside] for name in _POINTS)
    return RocCurve(far, tar, threshold, curve.num_genuine, curve.num_impostor)


def write_curves(path: Path, curves: Mapping[CurveKey, RocCurve]) -> Path:
    """Write curves, each reduced by `without_straight_points`; whole or not at all.

    Args:
        path: The `.npz` file; its folder is made if needed.
        curves: The curve of each (protocol, condition, column); may be empty.

    Returns:
        `path`.
    """
    reduced = [without_straight_points(curve) for curve in curves.values()]
    empty = torch.zeros(0, dtype=torch.float64)
    arrays: dict[str, NDArray[Any]] = {
        name: torch.cat([empty, *(getattr(curve, name) for curve in reduced)]).numpy() for name in _POINTS
    }
    for name in ("num_genuine", "num_impostor"):
        arrays[name] = np.array([getattr(curve, name) for curve in reduced], dtype=np.int64)
    arrays["lengths"] = np.array([len(curve.far) for curve in reduced], dtype=np.int64)
    arrays["keys"] = np.array(json.dumps([list(key) for key in curves]))
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return write_atomically(path, buffer.getvalue())


def read_curves(path: Path) -> dict[CurveKey, RocCurve]:
    """Read the curves back; the opposite of `write_curves`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file: not an archive, with missing or pickled arrays, or with points that are no
            ROC curve; names the file and the curve.
    """
    content = BytesIO(path.read_bytes())
    try:
        file = np.load(content, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        missing = [name for name in _MEMBERS if name not in file]
        if missing:
            raise ValueError(f"without {', '.join(missing)}")
        arrays = {name: file[name] for name in _MEMBERS}
        return _unpacked(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: not a file of ROC curves: {error}") from error


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> dict[CurveKey, RocCurve]:
    keys = json.loads(str(arrays["keys"]))  # a JSON error is a ValueError
    if not isinstance(keys, list) or not all(_is_key(key) for key in keys):
        raise ValueError(f"keys are {keys!r}, expected a list of [protocol, condition, column]")
    shapes = {name: arrays[name].shape for name in _MEMBERS if name != "keys"}
    expected = {name: (int(arrays["lengths"].sum()) if name in _POINTS else len(keys),) for name in shapes}
    if shapes != expected:
        raise ValueError(f"arrays of shapes {shapes}, expected {expected}")
    ends = arrays["lengths"].astype(int).cumsum()
    points = [map(torch.from_numpy, np.split(arrays[name].astype(np.float64), ends)[:-1]) for name in _POINTS]
    counts = [arrays[name].astype(int).tolist() for name in ("num_genuine", "num_impostor")]
    curves = [RocCurve(*parts) for parts in zip(*points, *counts, strict=True)]
    return {(key[0], key[1], key[2]): _checked(curve, ", ".join(key)) for key, curve in zip(keys, curves, strict=True)}


def _is_key(key: object) -> bool:
    return isinstance(key, list) and len(key) == 3 and all(isinstance(part, str) for part in key)


def _checked(curve: RocCurve, name: str) -> RocCurve:
    for rate in (curve.far, curve.tar):
        if len(rate) < 2 or rate[0] != 0 or rate[-1] != 1 or not bool((rate.diff() >= 0).all()):
            raise ValueError(f"the rates of {name} do not rise from 0 to 1")
    if min(curve.num_genuine, curve.num_impostor) < 1:
        raise ValueError(f"{name} has {curve.num_genuine} genuine and {curve.num_impostor} impostor pairs")
    return curve
