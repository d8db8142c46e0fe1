"""A table as `TrainingSamples` keeps it, made by hand."""

import numpy as np
import pandas as pd


def norm_samples() -> pd.DataFrame:
    """The norm follows the size more and more; noise reached every second image and has nothing to do with it."""
    generator = np.random.default_rng(0)
    frames = []
    for epoch in range(3):
        size = generator.uniform(7, 112, 100)
        applied = np.arange(100) % 2
        frames.append(
            pd.DataFrame(
                {
                    "epoch": epoch,
                    "index": np.arange(100),
                    "view": 0,
                    "norm": epoch * size / 50 + generator.normal(0, 1, 100) + np.arange(100) / 10,
                    "probability": 1 / (1 + np.exp(-size / 50)),
                    "drawn.resolution.size_px": size,
                    "drawn.noise.applied": applied,
                    "drawn.noise.sigma": np.where(applied, generator.uniform(0, 1, 100), 7.0),
                    "drawn.constant": 1.0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
