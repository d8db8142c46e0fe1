"""Reading pickles without running what they say.

A pickle is a program: it may call any function that it can name. Here it can name the few that arrays and bytes are
pickled with, and even these stand for small objects of this module that check their arguments and build an array of
numbers from bytes; the numpy functions with these names are never called on what the file says. What a pickle can
build without naming anything (numbers, strings, lists, dicts, ...) is checked when it is complete.
"""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import ForeignPickleError

# Kinds of numbers in a verification set: image bytes, and "same person" as bool or integer.
_DTYPES = ("b1", "?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")

# What reading a damaged or hostile pickle is known to raise.
_PICKLE_ERRORS = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    OverflowError,
    MemoryError,
)


class _Stand:
    """A stand-in for what a pickle names, which the pickle cannot change: no attributes, and no state may be set."""

    __slots__ = ("_build", "_name")

    def __init__(self, name: str, build: Callable[..., object] | None = None) -> None:
        self._name = name
        self._build = build

    def __call__(self, *arguments: object) -> object:
        if self._build is None:
            raise pickle.UnpicklingError(f"a call of {self._name}")
        return self._build(*arguments)

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError(f"a state for {self._name}")


class _Dtype:
    """A dtype under construction: only its name and byte order are taken from the file."""

    __slots__ = ("dtype",)

    def __init__(self, name: object, align: object = False, copy: object = True) -> None:
        text = name.decode("latin1") if isinstance(name, bytes) else name
        if text not in _DTYPES:
            raise pickle.UnpicklingError(f"an array of dtype {text!r}, allowed are {', '.join(_DTYPES)}")
        self.dtype = np.dtype(str(text))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"a byte order {order!r}")
        self.dtype = np.dtype(order + self.dtype.str[1:])


class _Array:
    """An array under construction, filled by its pickled state."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: NDArray[Any] = np.zeros(0, np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran_order, data = state
        self.array = _from_bytes(data, dtype, shape, "F" if fortran_order else "C").array


def _from_bytes(data: object, dtype: object, shape: object, order: object) -> _Array:
    if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array that is not made of bytes")
    if not isinstance(shape, tuple) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise pickle.UnpicklingError(f"an array of shape {shape!r}")
    if math.prod(shape) * dtype.dtype.itemsize != len(data):
        raise pickle.UnpicklingError(f"an array of shape {shape} made of {len(data)} bytes")
    result = _Array()
    result.array = np.frombuffer(bytes(data), dtype.dtype).reshape(shape, order="F" if order == "F" else "C")
    return result


def _scalar(dtype: object, data: object) -> int | bool:
    value: int | bool = _from_bytes(data, dtype, (), "C").array.item()
    return value


def _encode(text: object, encoding: object) -> bytes:
    """Return bytes that protocols below 3 store as text in Latin-1."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"text in the encoding {encoding!r}")
    return text.encode("latin1")


_KNOWN = {
    ("numpy", "ndarray"): _Stand("numpy.ndarray"),
    ("numpy", "dtype"): _Stand("numpy.dtype", _Dtype),
    ("_codecs", "encode"): _Stand("_codecs.encode", _encode),
    ("__builtin__", "bytes"): _Stand("bytes", lambda: b""),  # the empty one, below protocol 3
}
for _package in ("numpy.core", "numpy._core"):  # before and after numpy 2
    _KNOWN |= {
        (f"{_package}.multiarray", "_reconstruct"): _Stand("_reconstruct", lambda *_: _Array()),
        (f"{_package}.multiarray", "scalar"): _Stand("scalar", _scalar),
        (f"{_package}.numeric", "_frombuffer"): _Stand("_frombuffer", _from_bytes),
    }


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError(f"it refers to a persistent object {pid!r}")


def load_plain_pickle(path: str | Path) -> Any:
    """Read a pickle of nothing but bytes, lists, tuples, bools, integers and numpy arrays of bools and integers.

    Any protocol, from Python 2 (whose strings become bytes) and 3, with arrays from any numpy. No code of the file's
    choosing runs, whatever the file holds.

    Args:
        path: The file.

    Returns:
        The object: bytes, int, bool, arrays, and lists and tuples of them. Numpy scalars become Python's.

    Raises:
        ForeignPickleError: If the file is missing or damaged, or holds or asks for anything else; the message names the
            file and the thing.
    """
    try:
        with Path(path).open("rb") as file:
            loaded = _Unpickler(file, encoding="bytes").load()
    except OSError as error:
        raise ForeignPickleError(f"{path}: {error.strerror or error}") from error
    except _PICKLE_ERRORS as error:
        raise ForeignPickleError(
            f"{path}: not a pickle of bytes, lists, bools, integers and arrays: {str(error) or type(error).__name__}"
        ) from error
    return _plain(loaded, str(path), depth=0)


def _plain(value: object, path: str, depth: int) -> Any:
    """Return the value with arrays in place of their stand-ins; raise an error where it is of another type."""
    if isinstance(value, _Array):
        return value.array
    if type(value) in (bytes, bool, int):
        return value
    if type(value) in (list, tuple) and depth < 2:
        return type(value)(_plain(item, path, depth + 1) for item in value)  # type: ignore[attr-defined, call-arg]
    if isinstance(value, _Stand | _Dtype):
        raise ForeignPickleError(f"{path}: it holds a numpy function or type instead of an array")
    what = "lists nested deeper than two levels" if type(value) in (list, tuple) else f"a {type(value).__qualname__}"
    raise ForeignPickleError(f"{path}: it holds {what}, expected bytes, lists, bools, integers and arrays")
