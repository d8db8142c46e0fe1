"""Does the feature norm follow quality? Correlations, trajectories and shares from what `TrainingSamples` kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facequal.metrics.norms import applied_flags

if TYPE_CHECKING:
    import pandas as pd

VALUES = ("norm", "probability")
DRAWN, MEASURED = "drawn.", "measured."


def read_samples(folder: str | Path) -> "pd.DataFrame":
    """Read all epochs that `facequal.callbacks.training_samples.TrainingSamples` wrote into one table, in their order.

    Args:
        folder: The folder `samples`, or that of the run.

    Raises:
        FileNotFoundError: If there are no such files.
        ValueError: If one of them cannot be read, or lacks what every such file has; names it.
    """
    import pandas as pd

    folder = Path(folder)
    files = sorted(folder.glob("epoch_*.parquet")) or sorted(folder.glob("samples/epoch_*.parquet"))
    if not files:
        raise FileNotFoundError(
            f"{folder}: no epoch_*.parquet; add facequal.callbacks.training_samples.TrainingSamples to "
            "trainer.callbacks"
        )
    return pd.concat([_read_epoch(file) for file in files], ignore_index=True)


def _read_epoch(file: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        samples = pd.read_parquet(file)
    except (ValueError, OSError) as error:  # pyarrow's errors are both
        raise ValueError(f"{file}: not a Parquet file: {error}") from error
    missing = [name for name in ("epoch", "index", "view", *VALUES) if name not in samples]
    if missing:
        raise ValueError(f"{file}: no column {missing[0]!r}, so it is not of TrainingSamples")
    return samples


def of_view(samples: "pd.DataFrame", view: int | None) -> "pd.DataFrame":
    """Return the rows of one view; None takes the last, which is the degraded one.

    >>> import pandas as pd
    >>> of_view(pd.DataFrame({"view": [0, 1, 0, 1], "norm": [20.0, 12.0, 23.0, 14.0]}), None)["norm"].tolist()
    [12.0, 14.0]
    """
    return samples[samples["view"] == (samples["view"].max() if view is None else view)]


def quality_columns(samples: "pd.DataFrame") -> list[str]:
    """Return the columns that may say something of quality: drawn and measured values that have an order and vary.

    >>> import pandas as pd
    >>> quality_columns(pd.DataFrame({"norm": [20, 23], "drawn.size_px": [7, 14], "drawn.kernel_id": [3, 4]}))
    ['drawn.size_px']
    """
    names = [name for name in samples.columns if name.startswith((DRAWN, MEASURED)) and has_order(name)]
    return [name for name in names if samples[name].nunique(dropna=True) > 1]


def has_order(name: str) -> bool:
    """Return whether a drawn value says more or less of something: numbers of kernels, filters and positions do not.

    >>> has_order("drawn.size_px"), has_order("drawn.kernel_id")
    (True, False)
    """
    last = name.rpartition(".")[2]
    return not last.endswith(("_id", "_filter")) and last not in ("top", "left")


def quality_correlations(samples: "pd.DataFrame", qualities: Sequence[str] | None = None) -> "pd.DataFrame":
    """Correlate norm and P(y) with every quality, per epoch and view (Pearson).

    Values drawn for a degradation that reached some images only are compared where it did: `drawn.X.applied` says so,
    and `drawn.applied` of all of them together.

    Args:
        samples: See `read_samples`.
        qualities: Columns; None takes `quality_columns`.

    Returns:
        A row per epoch, view, quality and value ("norm", "probability"): `r`, NaN for fewer than three samples or
        none that vary, and `num`, the samples behind it: those where both are finite.

    Raises:
        KeyError: If there is no such column.
    """
    import pandas as pd

    qualities = quality_columns(samples) if qualities is None else list(qualities)
    missing = [name for name in qualities if name not in samples]
    if missing:
        there = ", ".join(quality_columns(samples)) or "none"
        raise KeyError(f"there is no column {missing[0]!r} in the samples; those of quality are {there}")
    rows = []
    for (epoch, view), part in samples.groupby(["epoch", "view"]):
        for quality in qualities:
            reached = part[applied_to(part, quality)]
            for value in VALUES:
                x, y = finite_pairs(reached[quality].to_numpy(float), reached[value].to_numpy(float))
                head = {"epoch": epoch, "view": view, "quality": quality, "value": value}
                rows.append({**head, "r": pearson(x, y), "num": len(x)})
    return pd.DataFrame(rows, columns=["epoch", "view", "quality", "value", "r", "num"])


def applied_to(samples: "pd.DataFrame", quality: str) -> NDArray[np.bool_]:
    """Return which samples a drawn value was used for: where its degradation and those around it were applied.

    >>> import pandas as pd
    >>> applied_to(pd.DataFrame({"drawn.resolution.applied": [1.0, 0.0]}), "drawn.resolution.size_px")
    array([ True, False])
    """
    flags = [flag for flag in applied_flags(quality) if flag in samples]
    return np.asarray((samples[flags].to_numpy(float) > 0).all(axis=1))


def pearson(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Return the correlation of two arrays (N,); NaN for fewer than three finite pairs, or where one is constant.

    >>> pearson(np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 4.0, 6.0, 0.0]))
    1.0
    """
    x, y = finite_pairs(x, y)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def finite_pairs(x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return two arrays (N,) without the positions where either is NaN or infinite.

    >>> finite_pairs(np.array([1.0, np.nan]), np.array([2.0, 3.0]))
    (array([1.]), array([2.]))
    """
    both = np.isfinite(x) & np.isfinite(y)
    return x[both], y[both]


def trajectories(samples: "pd.DataFrame", num_groups: int = 5, view: int | None = None) -> "pd.DataFrame":
    """Follow mean norm and P(y) over the epochs, of samples grouped by their norm in the last one; others are left out.

    Args:
        samples: See `read_samples`.
        num_groups: Groups of equal size, of the lowest final norms to the highest.
        view: Which view; None takes the last one, which is the degraded one.

    Returns:
        A row per group and epoch: `group`, `epoch`, `norm`, `probability`, `augmented` (share of the samples
        that a degradation reached in that epoch, as `drawn.*.applied` say; NaN where none says it), `num`.

    Raises:
        ValueError: If there are fewer samples than groups.
    """
    part = of_view(samples, view).copy()
    last = part[part["epoch"] == part["epoch"].max()].set_index("index")["norm"].dropna()
    if len(last) < num_groups:
        raise ValueError(f"{len(last)} samples are too few for {num_groups} groups")
    order = last.rank(method="first").to_numpy()
    group = dict(zip(last.index, ((order - 1) * num_groups // len(last)).astype(int), strict=True))
    part["group"] = part["index"].map(group)
    part = part.dropna(subset=["group"]).astype({"group": int})
    flags = [name for name in part.columns if name.startswith(DRAWN) and name.endswith(".applied")]
    part["augmented"] = (part[flags] > 0).any(axis=1).astype(float) if flags else float("nan")
    part["num"] = 1
    grouped = part.groupby(["group", "epoch"])
    means = grouped[["norm", "probability", "augmented"]].mean()
    return means.join(grouped["num"].sum()).reset_index()
