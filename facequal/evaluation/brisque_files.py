"""Reads a user's weights of BRISQUE: OpenCV contrib's pair of YAML files, or libsvm's `allmodel` and `allrange`."""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import torch
from torch import Tensor

from facequal.metrics.brisque import NUM_FEATURES, BRISQUEWeights, brisque

_Regression = tuple[Tensor, Tensor, float, float]  # support vectors, coefficients, rho, gamma


def load_brisque(model: Path | str, ranges: Path | str) -> Callable[[Tensor], Tensor]:
    """Return BRISQUE with the weights of two files, each in either of two formats, which its content tells.

    - OpenCV contrib's `brisque_model_live.yml` and `brisque_range_live.yml`, or what `cv2.ml.SVM.save` and
      `cv2.FileStorage` wrote like them: a regression `opencv_ml_svm`, a matrix `range` with a row of least and one of
      greatest values.
    - `allmodel` and `allrange` of the authors' release: what libsvm's `svm-train -s 3 -t 2` and `svm-scale -s` wrote.

    Args:
        model: File of the regression.
        ranges: File of the least and the greatest value of every feature, which become -1 and 1.

    Returns:
        `facequal.metrics.brisque.brisque` with these weights: float RGB (B,3,H,W) in [0,1] to float64 (B,).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file has neither format, is incomplete, or belongs to another regression or other features.
    """
    model, ranges = Path(model), Path(ranges)
    regression = _libsvm_model(model) if _first_word(model) == "svm_type" else _opencv_model(model)
    low, high = _libsvm_ranges(ranges) if _first_word(ranges) in {"x", "y"} else _opencv_ranges(ranges)
    return functools.partial(brisque, weights=_checked(model, ranges, low, high, regression))


def _first_word(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return (file.read(64).split() or [""])[0]


def _checked(model: Path, ranges: Path, low: Tensor, high: Tensor, regression: _Regression) -> BRISQUEWeights:
    vectors, coefficients, rho, gamma = regression
    if gamma <= 0:
        raise ValueError(f"{model}: gamma of the kernel is {gamma}, must be above 0")
    wrong = (~(low < high) | ~(high - low).isfinite()).nonzero().flatten().tolist()
    if wrong:
        pair = f"{low[wrong[0]]:g} and {high[wrong[0]]:g}"
        raise ValueError(f"{ranges}: feature {wrong[0] + 1} lies between {pair}: the first must be below the second")
    return BRISQUEWeights(low, high, vectors, coefficients, rho, gamma)


def _opencv_model(path: Path) -> _Regression:
    storage = _storage(path)  # its nodes live as long as it does
    svm = _node(storage.root(), path, "opencv_ml_svm")
    _expect(path, "svmType", _node(svm, path, "svmType").string(), "EPS_SVR")
    _expect(path, "type of kernel", _node(svm, path, "kernel", "type").string(), "RBF")
    vectors = [_numbers(row, path, "support_vectors") for row in _elements(_node(svm, path, "support_vectors"))]
    functions = _elements(_node(svm, path, "decision_functions"))
    _expect(path, "number of decision functions", len(functions), 1)
    coefficients = _numbers(_node(functions[0], path, "alpha"), path, "alpha")
    (total,) = _numbers(_node(svm, path, "sv_total"), path, "sv_total")
    _expect(path, "number of support vectors", len(vectors), int(total))
    _expect(path, "number of values of alpha", len(coefficients), int(total))
    for vector in vectors:
        _expect(path, "number of features", len(vector), NUM_FEATURES)
    (rho,) = _numbers(_node(functions[0], path, "rho"), path, "rho")
    (gamma,) = _numbers(_node(svm, path, "kernel", "gamma"), path, "gamma")
    return _float64(vectors), _float64(coefficients), rho, gamma


def _opencv_ranges(path: Path) -> tuple[Tensor, Tensor]:
    storage = _storage(path)
    matrix = _node(storage.root(), path, "range")
    size = [*_numbers(_node(matrix, path, "rows"), path, "rows"), *_numbers(_node(matrix, path, "cols"), path, "cols")]
    _expect(path, "size of range", [int(length) for length in size], [2, NUM_FEATURES])
    values = _numbers(_node(matrix, path, "data"), path, "data")
    _expect(path, "number of values of range", len(values), 2 * NUM_FEATURES)
    return _float64(values[:NUM_FEATURES]), _float64(values[NUM_FEATURES:])


def _storage(path: Path) -> cv2.FileStorage:
    storage = cv2.FileStorage()
    try:
        storage.open(str(path), cv2.FILE_STORAGE_READ)
    except cv2.error as error:
        reason = str(error).rpartition("error: ")[2].strip()
        raise ValueError(f"{path}: neither a file of libsvm nor one that OpenCV can read: {reason}") from error
    return storage


def _node(parent: cv2.FileNode, path: Path, *names: str) -> cv2.FileNode:
    """Return a node below others."""
    for name in names:
        is_there = parent.isMap() and not parent.getNode(name).empty()
        if not is_there:
            raise ValueError(f"{path}: no node {name}; truncated, or another kind of file?")
        parent = parent.getNode(name)
    return parent


def _elements(node: cv2.FileNode) -> list[cv2.FileNode]:
    """Return those of a list; of anything else, itself."""
    return [node.at(number) for number in range(node.size())] if node.isSeq() else [node]


def _numbers(node: cv2.FileNode, path: Path, name: str) -> list[float]:
    values = [element.real() if element.isReal() or element.isInt() else math.nan for element in _elements(node)]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{path}: {name} has something that is no finite number")
    return values


def _libsvm_model(path: Path) -> _Regression:
    head, _, body = _text(path).partition("\nSV\n")
    options = {name: value for name, _, value in (line.partition(" ") for line in head.splitlines())}
    for name in ("svm_type", "kernel_type", "gamma", "total_sv", "rho"):
        if name not in options:
            raise ValueError(f"{path}: no line {name}; truncated?")
    _expect(path, "svm_type", options["svm_type"], "epsilon_svr")
    _expect(path, "kernel_type", options["kernel_type"], "rbf")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    _expect(path, "number of support vectors", str(len(rows)), options["total_sv"].strip())
    vectors = torch.zeros(len(rows), NUM_FEATURES, dtype=torch.float64)
    for vector, row in zip(vectors, rows, strict=True):
        for entry in row[1:]:  # zeros are left out
            name, _, value = entry.partition(":")
            feature = _feature(path, name)
            vector[feature] = _number(path, value)
    coefficients = [_number(path, row[0]) for row in rows]
    return vectors, _float64(coefficients), _number(path, options["rho"]), _number(path, options["gamma"])


def _libsvm_ranges(path: Path) -> tuple[Tensor, Tensor]:
    _, _, body = ("\n" + _text(path)).partition("\nx\n")  # what stands before it, if anything, scales the target
    scale, *rows = [line.split() for line in body.splitlines()] or [[]]
    _expect(path, "range of scaled features", [_number(path, text) for text in scale], [-1.0, 1.0])
    ranges = torch.full((NUM_FEATURES, 2), math.nan, dtype=torch.float64)
    for row in rows:
        _expect(path, "length of a row", len(row), 3)
        ranges[_feature(path, row[0])] = _float64([_number(path, text) for text in row[1:]])
    missing = ranges.isnan().any(1).nonzero().flatten().tolist()
    if missing:
        raise ValueError(f"{path}: no range of feature {missing[0] + 1} of {NUM_FEATURES}; truncated?")
    return ranges[:, 0], ranges[:, 1]


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.endswith("\n"):  # what is left of a number may be a number
        raise ValueError(f"{path}: the last line has no end; truncated?")
    return text


def _feature(path: Path, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= NUM_FEATURES:
        raise ValueError(f"{path}: feature {text}, must be 1 to {NUM_FEATURES}")
    return int(text) - 1


def _number(path: Path, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path}: {text!r} is no finite number")
    return value


def _expect(path: Path, name: str, value: object, expected: object) -> None:
    if value != expected:
        raise ValueError(f"{path}: {name} is {value}, must be {expected}")


def _float64(values: Sequence[object]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
