"""What every data set of faces offers, whatever files it reads."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class FaceSource(Protocol):
    """A map-style data set of faces.

    Items are dicts: `image` uint8 RGB (3, H, W), `label` int identity in 0..num_classes-1 (-1 when unknown),
    `index` int position in the source.

    Attributes:
        labels: Identity of every image, int64 (N,), known without decoding any image.
        num_classes: Number of identities.
        classes: Name of every identity.
    """

    labels: NDArray[np.int64]
    num_classes: int
    classes: list[str]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> dict[str, Any]: ...

    def describe(self, index: int, /) -> str:
        """Return path, or record key and offset, of an image: what an error message names."""
        ...


def require_source(value: object, argument: str) -> FaceSource:
    """Return a configured object after a check that it is a data set of faces.

    Args:
        value: The object.
        argument: Its name, for the error message.

    Raises:
        TypeError: If it lacks an attribute of `FaceSource`; the message names all that are missing.

    Example:
        >>> require_source([1, 2], "data.train")
        Traceback (most recent call last):
        ...
        TypeError: data.train: list is no data set of faces, it lacks labels, num_classes, classes, describe
    """
    wanted = ("labels", "num_classes", "classes", "describe", "__len__", "__getitem__")
    missing = [name for name in wanted if not hasattr(value, name)]
    if missing:
        raise TypeError(
            f"{argument}: {type(value).__qualname__} is no data set of faces, it lacks {', '.join(missing)}"
        )
    return value  # type: ignore[return-value]  # checked attribute by attribute above
