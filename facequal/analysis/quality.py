"""Scores a folder of pictures by the feature norm of a recogniser, beside measures that know nothing of faces."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from facequal.analysis.norms import finite_pairs, has_order, pearson
from facequal.data.errors import DataError
from facequal.data.protocols.export import MANIFEST
from facequal.data.sources.datasets import ImageFolder
from facequal.data.views import to_unit_range
from facequal.metrics.no_reference import no_reference_scores
from facequal.models.backbones import Backbone

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 64
_NOT_DRAWN = ("clean", "source", "row")


@torch.no_grad()
def score_folder(
    backbone: Backbone,
    source: ImageFolder,
    device: str = "cpu",
    further: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
) -> "pd.DataFrame":
    """Measure every picture and take its norm, in the order of the source.

    Args:
        backbone: The recogniser's network, with its weights.
        source: Pictures in its input size.
        device: Where to compute.
        further: Measures beside those of `facequal.metrics.no_reference`, by name: one figure per picture, (B,), of
            float RGB (B,3,H,W) in [0,1].

    Returns:
        `image` (path in the folder), `norm`, and one column per measure.
    """
    import pandas as pd

    backbone = backbone.to(device).eval()
    rows: list[dict[str, Tensor]] = []
    for start in range(0, len(source), _AT_ONCE):
        indices = range(start, min(start + _AT_ONCE, len(source)))
        images = to_unit_range(torch.stack([source[index]["image"] for index in indices]).to(device))
        _, norm = backbone(images)
        others = {name: measure(images) for name, measure in (further or {}).items()}
        rows.append({"norm": norm.squeeze(1), **no_reference_scores(images), **others})
    values = {name: torch.cat([row[name] for row in rows]).double().cpu().numpy() for name in rows[0]}
    return pd.DataFrame({"image": [source.name(index) for index in range(len(source))], **values})


def drawn_values(folder: Path) -> "pd.DataFrame":
    """Read what was drawn for each degraded picture from the `manifest.csv` of `facequal degrade`.

    Args:
        folder: Folder of the pictures; without such a file nothing is known of them.

    Returns:
        One row per picture, by its path, and the drawn numbers that have an order by name; True is 1.

    Raises:
        DataError: If a line has more or fewer cells than the first, or there is no column `lq`.
    """
    import pandas as pd

    manifest = folder / MANIFEST
    if not manifest.is_file():
        return pd.DataFrame()
    try:
        table = pd.read_csv(manifest, header=None, dtype=str, keep_default_na=False, engine="python")
    except ValueError as error:  # a line is longer than the first, or there is none
        raise DataError(f"{manifest}: {error}") from error
    table = table.set_axis(table.iloc[0], axis=1)[1:]
    if "lq" not in table:
        raise DataError(f"{manifest}: no column lq; the columns are {', '.join(map(str, table))}")
    short = table.isna().any(axis=1)
    if short.any():
        raise DataError(f"{manifest}: line {int(short.argmax()) + 2} has fewer cells than the first; truncated?")
    table = table.drop_duplicates("lq", keep="last").set_index("lq")
    shown = table[[name for name in map(str, table) if name not in _NOT_DRAWN and has_order(name)]]
    numbers: pd.DataFrame = shown.replace({"True": "1", "False": "0"}).apply(pd.to_numeric, errors="coerce")
    return numbers.dropna(axis=1, how="all")


def with_drawn(scores: "pd.DataFrame", drawn: "pd.DataFrame") -> "pd.DataFrame":
    """Add the drawn values to scores as columns `drawn.NAME`, NaN for pictures of which none are known.

    >>> import pandas as pd
    >>> drawn = pd.DataFrame({"size_px": [7.0]}, index=["a.png"])
    >>> with_drawn(pd.DataFrame({"image": ["a.png", "b.png"]}), drawn)["drawn.size_px"].tolist()
    [7.0, nan]
    """
    return scores.join(drawn.add_prefix("drawn."), on="image")


def norm_correlations(scores: "pd.DataFrame") -> dict[str, tuple[float, int]]:
    """Correlate the norm with every other column that varies (Pearson), with the number of pictures behind it.

    >>> import pandas as pd
    >>> scores = pd.DataFrame({"image": ["a", "b", "c"], "norm": [9.0, 12.0, 15.0], "sharpness": [0.1, 0.2, 0.3]})
    >>> {name: (round(r, 2), num) for name, (r, num) in norm_correlations(scores).items()}
    {'sharpness': (1.0, 3)}
    """
    norm, correlations = scores["norm"].to_numpy(float), {}
    for name in scores.columns.drop(["image", "norm"]):
        values = scores[name].to_numpy(float)
        r = pearson(values, norm)
        if np.isfinite(r):
            correlations[name] = (r, len(finite_pairs(values, norm)[0]))
    return correlations
