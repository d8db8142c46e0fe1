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
    """Check at the boundary that a configured object is a data set of faces.

    Raises:
        TypeError: If it lacks one of the attributes of `FaceSource`; the message names them.
    """
    wanted = ("labels", "num_classes", "classes", "describe", "__len__", "__getitem__")
    missing = [name for name in wanted if not hasattr(value, name)]
    if missing:
        raise TypeError(
            f"{argument}: {type(value).__qualname__} is no data set of faces, it lacks {', '.join(missing)}"
        )
    return value  # type: ignore[return-value]  # checked attribute by attribute above
