"""Scores a folder of pictures by the feature norm of a recogniser, beside measures that know nothing of faces."""

import csv
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
_NOT_DRAWN = ("lq", "clean", "source", "row")


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


def drawn_values(folder: Path) -> dict[str, dict[str, float]]:
    """Read what was drawn for each degraded picture from the `manifest.csv` of `facequal degrade`: numbers by name.

    Args:
        folder: Folder of the pictures; without such a file nothing is known of them.

    Raises:
        DataError: If a line has more or fewer cells than the first, or there is no column `lq`.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return {}
    with manifest.open(encoding="utf-8", errors="replace", newline="") as file:
        names, *lines = list(csv.reader(file)) or [[]]
    if "lq" not in names:
        raise DataError(f"{manifest}: no column lq; the columns are {', '.join(names) or 'none'}")
    drawn: dict[str, dict[str, float]] = {}
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(names):
            raise DataError(f"{manifest}: line {number} has {len(cells)} cells, the first has {len(names)}; truncated?")
        row = dict(zip(names, cells, strict=True))
        shown = {name: text for name, text in row.items() if name not in _NOT_DRAWN and has_order(name)}
        values = {name: _number(text) for name, text in shown.items()}
        drawn[row["lq"]] = {name: value for name, value in values.items() if value is not None}
    return drawn


def _number(text: str) -> float | None:
    try:
        return float({"True": "1", "False": "0"}.get(text, text))
    except ValueError:
        return None


def with_drawn(scores: "pd.DataFrame", drawn: Mapping[str, Mapping[str, float]]) -> "pd.DataFrame":
    """Add the drawn values to scores as columns `drawn.NAME`, NaN for pictures of which none are known.

    >>> import pandas as pd
    >>> with_drawn(pd.DataFrame({"image": ["a.png", "b.png"]}), {"a.png": {"size_px": 7.0}})["drawn.size_px"].tolist()
    [7.0, nan]
    """
    names = list(dict.fromkeys(name for values in drawn.values() for name in values))
    columns = {
        f"drawn.{name}": [drawn.get(image, {}).get(name, float("nan")) for image in scores["image"]] for name in names
    }
    return scores.assign(**columns)


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
