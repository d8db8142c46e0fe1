"""Rendered faces on disk: one uint8 array per setting, written once and memory-mapped afterwards."""

import os
import sys
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if sys.platform != "win32":
    import fcntl

ImageArray = NDArray[np.uint8]


def default_cache_dir() -> Path:
    """Return `$XDG_CACHE_HOME/facequal`, or `~/.cache/facequal` where the variable is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facequal"


def open_or_write(
    path: Path, shape: tuple[int, ...], blocks: Callable[[], Generator[ImageArray, None, None]]
) -> ImageArray:
    """Open a cached array, after making it when it is missing, truncated or of another shape.

    Of several processes that ask at once, one makes the array and the others wait for it. The lock is the operating
    system's (`flock`) on a file beside the array: it ends with the process that holds it, so that none can go stale.
    Where it does not exist, as on Windows, every process makes the array and the last rename wins: all are equal.

    Args:
        path: The `.npy` file.
        shape: Shape of the array.
        blocks: Called when the array has to be made; yields its parts in order along the first axis.

    Returns:
        The array, uint8, memory-mapped read-only.

    Raises:
        OSError: If the folder cannot be written, or the disk is full; no file is left then.
        ValueError: If the parts do not add up to `shape`.
    """
    array = _open(path, shape)
    if array is not None:
        return array
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")) as is_alone:
        array = _open(path, shape)  # another process may have made it while this one waited
        if array is None:
            for leftover in path.parent.glob(f"{path.stem}.*.tmp") if is_alone else ():  # of a process that was killed
                leftover.unlink()
            with closing(blocks()) as parts:  # so that a failure to write also ends the making
                _write(path, shape, parts)
            array = _open(path, shape)
    if array is None:
        raise OSError(f"{path} cannot be read back after it was written")
    return array


def _open(path: Path, shape: tuple[int, ...]) -> ImageArray | None:
    """Return the array, or None if the file is missing, truncated, longer than its header says, or of another kind."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):  # NumPy's errors for foreign bytes and for truncated files
        return None
    complete = array.shape == shape and array.dtype == np.uint8 and path.stat().st_size == array.offset + array.nbytes
    return array if complete else None


def _write(path: Path, shape: tuple[int, ...], blocks: Iterable[ImageArray]) -> None:
    """Write a `.npy` file under another name and rename it when it is complete.

    The bytes go through ordinary writes: on a full disk these raise OSError, where a memory map would end the process.
    """
    temporary = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            num_bytes = sum(file.write(np.ascontiguousarray(block).data) for block in blocks)
            if num_bytes != np.prod(shape):
                raise ValueError(f"{path}: the parts hold {num_bytes} bytes, shape {shape} needs {np.prod(shape)}")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file; yields whether the platform and the file system have such locks."""
    with path.open("a") as file:
        is_alone = False
        if sys.platform != "win32":
            with suppress(OSError):  # a network file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
                is_alone = True
        yield is_alone  # closing the file releases the lock
