"""A quality score beside every image, for heads that take it from a file."""

from pathlib import Path
from typing import Any

import numpy as np

from facequal.data.source import FaceSource
from facequal.data.sources.wrapped import WrappedSource


class ScoredSource(WrappedSource):
    """A source whose items also hold `quality`, a float32 score from a file.

    Args:
        source: A data set of faces.
        path: `.npy` file of one number per image of the source, in its order; larger is better.

    Raises:
        ValueError: If the file holds another number of scores, or one that is not finite.
    """

    def __init__(self, source: FaceSource, path: str | Path) -> None:
        super().__init__(source)
        self.scores = np.load(path, allow_pickle=False).astype(np.float32)
        if self.scores.shape != (len(source),):
            shape = self.scores.shape
            raise ValueError(f"{path}: holds scores of shape {shape}, the data set has {len(source)} images")
        wrong = np.flatnonzero(~np.isfinite(self.scores))
        if len(wrong):
            raise ValueError(f"{path}: {len(wrong)} scores are not finite, the first is number {wrong[0]}")

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**super().__getitem__(index), "quality": self.scores[index]}
