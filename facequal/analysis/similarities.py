"""How far apart matches and strangers are, per resolution and between models, and what refusing poor pictures gains."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COSINES_AT_ONCE = 1 << 24  # of probes times gallery rows, 64 MB in float32
_LOWEST, _HIGHEST = -0.6, 1.0  # of histograms; what lies beyond, rounding above 1 too, is in the outermost bins


class Similarities(NamedTuple):
    """Cosines of matches and of strangers: the best of each probe (`similarities`), or all (`all_similarities`).

    Attributes:
        matched: (N,) with the probe's person.
        unmatched: (M,) with others.
    """

    matched: Tensor
    unmatched: Tensor

    @property
    def gap(self) -> float:
        """Mean matched minus mean unmatched cosine: what a threshold has to tell apart."""
        return float(self.matched.mean() - self.unmatched.mean())


def similarities(probes: Tensor, labels: Tensor, gallery: Tensor, gallery_labels: Tensor) -> Similarities:
    """Return the best cosine of every probe with its person and with any other.

    Args:
        probes: (N,D) unit embeddings.
        labels: int64 (N,).
        gallery: (M,D) unit embeddings.
        gallery_labels: int64 (M,).

    Raises:
        ValueError: If a probe's person, or anybody else, is not in the gallery.

    >>> probes = torch.tensor([[0.8, 0.6], [0.0, 1.0]])
    >>> result = similarities(probes, torch.tensor([0, 1]), torch.eye(2), torch.tensor([0, 1]))
    >>> result.matched, result.unmatched, round(result.gap, 2)
    (tensor([0.8000, 1.0000]), tensor([0.6000, 0.0000]), 0.6)
    """
    matched, unmatched = probes.new_empty(len(probes)), probes.new_empty(len(probes))
    step = max(1, _COSINES_AT_ONCE // max(1, len(gallery)))
    for start in range(0, len(probes), step):
        some = slice(start, start + step)
        same = labels[some, None] == gallery_labels
        if not same.any(1).all() or same.all(1).any():
            raise ValueError("every probe needs its own person and another one in the gallery")
        cosines = probes[some] @ gallery.T
        matched[some] = cosines.masked_fill(~same, -torch.inf).amax(1)
        unmatched[some] = cosines.masked_fill_(same, -torch.inf).amax(1)
    return Similarities(matched, unmatched)


def all_similarities(
    probes: Tensor, labels: Tensor, keys: Tensor, key_labels: Tensor, at_most: int = 100_000, seed: int = 0
) -> Similarities:
    """Return the cosines of all positive and of all negative pairs, as of a batch with the keys of a queue.

    Args:
        probes: (N,D) unit embeddings.
        labels: int64 (N,).
        keys: (K,D); they are divided by their length.
        key_labels: int64 (K,).
        at_most: Pairs of each kind; of more of them some are drawn.
        seed: Seed of that draw.

    Returns:
        `matched` and `unmatched` of different lengths.

    Raises:
        ValueError: If a kind of pairs is missing.
    """
    cosines = probes @ torch.nn.functional.normalize(keys).T
    same = labels[:, None] == key_labels
    if not same.any() or same.all():
        raise ValueError("both positive and negative pairs are needed: the queue may hold none of these people, or one")
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for values in (cosines[same], cosines[~same]):
        chosen = torch.randperm(len(values), generator=generator)[:at_most]
        drawn.append(values[chosen])
    return Similarities(*drawn)


def draw_similarities(
    by_name: Mapping[str, Similarities], before: Mapping[str, Similarities] | None = None
) -> "Figure":
    """Draw histograms of matched and unmatched cosines, a panel per name such as a resolution or a queue.

    Args:
        by_name: The similarities.
        before: Those of another model by the same names; titles then show the change of the gap, and outlines the
            other model's histograms.

    Raises:
        KeyError: If `before` lacks a name.
        ValueError: If there is nothing to draw.
    """
    from matplotlib.figure import Figure

    if not by_name or not all(len(part) for shown in by_name.values() for part in shown):
        raise ValueError(f"no cosines to draw: {', '.join(by_name) or 'no similarities'}")

    figure = Figure(figsize=(3.0 * len(by_name), 2.8), layout="constrained")
    bins = np.linspace(_LOWEST, _HIGHEST, 65)
    for axes, (name, shown) in zip(
        np.atleast_1d(figure.subplots(1, len(by_name), sharey=True)), by_name.items(), strict=True
    ):
        title = f"{name}\ngap {shown.gap:.3f}"
        for values, label, colour in (
            (shown.matched, "matched", "tab:blue"),
            (shown.unmatched, "unmatched", "tab:red"),
        ):
            axes.hist(_shown(values), bins, density=True, alpha=0.55, color=colour, label=label)
        if before is not None:
            other = before[name]
            for values, colour in ((other.matched, "tab:blue"), (other.unmatched, "tab:red")):
                axes.hist(_shown(values), bins, density=True, histtype="step", color=colour, linewidth=0.9)
            title += f" ({shown.gap - other.gap:+.3f})"
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("cosine")
    figure.axes[0].legend(fontsize=7)
    return figure


def _shown(cosines: Tensor) -> NDArray[np.floating]:
    return np.asarray(cosines.double().cpu().clamp(_LOWEST, _HIGHEST))


def error_versus_reject(
    cosines: NDArray[np.floating],
    same: NDArray[np.bool_],
    quality: NDArray[np.floating],
    fmr: float = 1e-2,
    num: int = 21,
    up_to: float = 0.5,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the false non-match rate while the pairs of lowest quality are refused (Grother and Tabassi, 2007).

    The threshold is that at which `fmr` of all strangers are taken for the same; it stays where it is.

    Args:
        cosines: (P,) of pairs.
        same: (P,) whether both pictures show one person.
        quality: (P,) of a pair, such as the lower of its two feature norms.
        fmr: False match rate of the threshold.
        num: Points of the curve.
        up_to: Largest share that is refused.

    Returns:
        Shares refused and false non-match rates, (num,) each; a rate is NaN where no pair of one person is left.

    Raises:
        ValueError: If a kind of pairs is missing, a cosine or quality is no finite number, or a share is outside of its
            range.

    >>> cosines, same = np.array([0.9, 0.2, 0.8, 0.3]), np.array([True, True, True, False])
    >>> shares, rates = error_versus_reject(cosines, same, quality=np.array([20, 5, 18, 9]), fmr=0.5, num=2)
    >>> shares, rates  # without the two pairs of lowest quality no genuine pair is missed
    (array([0. , 0.5]), array([0.33333333, 0. ]))
    """
    for name, values in (("cosines", cosines), ("quality", quality)):
        if not np.isfinite(values).all():  # NaN would count as the best
            raise ValueError(f"{(~np.isfinite(values)).sum()} of {len(values)} values of {name} are not finite")
    if not same.any() or same.all():
        raise ValueError("both pairs of one person and pairs of strangers are needed")
    if not (0 < fmr < 1 and 0 < up_to < 1):
        raise ValueError(f"fmr and up_to must be in (0, 1), got {fmr} and {up_to}")
    threshold = np.quantile(cosines[~same], 1 - fmr)
    order = np.argsort(quality, kind="stable")
    wrong, genuine = (cosines <= threshold)[order] & same[order], same[order]
    shares = np.linspace(0, up_to, num)
    rates = []
    for share in shares:
        left = slice(round(share * len(order)), None)
        rates.append(wrong[left].sum() / genuine[left].sum() if genuine[left].any() else np.nan)
    return shares, np.array(rates)


def draw_error_versus_reject(curves: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]]) -> "Figure":
    """Draw curves of `error_versus_reject` by name, such as the norm, another quality, and a lot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, (shares, rates) in curves.items():
        axes.plot(100 * shares, 100 * rates, label=name)
    axes.set_xlabel("pairs of lowest quality that are refused, %")
    axes.set_ylabel("false non-match rate, %")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return figure


def draw_partition(images: Tensor, quality: Tensor, threshold: float, num: int = 8) -> "Figure":
    """Draw pictures on both sides of a threshold of quality: the lowest, those just below and above, and the highest.

    Args:
        images: float RGB (B,3,H,W) in [0,1].
        quality: (B,) in [0,1], as QGFace reads it off the norm.
        threshold: b.
        num: Pictures per row.

    Raises:
        ValueError: If there are no images.
    """
    from matplotlib.figure import Figure

    if not len(images):
        raise ValueError("no images to draw")
    order = torch.argsort(quality)
    low, high = order[quality[order] < threshold], order[quality[order] >= threshold]
    rows = {"lowest": low[:num], "just below": low[num:][-num:], "just above": high[:num], "highest": high[num:][-num:]}
    rows = {name: chosen for name, chosen in rows.items() if len(chosen)}
    figure = Figure(figsize=(1.25 * num, 1.5 * len(rows) + 0.2), layout="constrained")
    figure.suptitle(f"{len(low)} of {len(order)} below {threshold:g}", fontsize=9)
    for (name, chosen), line in zip(rows.items(), figure.subplots(len(rows), num, squeeze=False), strict=True):
        for number, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(number < len(chosen))
        line[0].set_ylabel(name, fontsize=8)
        for axes, index in zip(line, chosen.tolist(), strict=False):
            axes.imshow(images[index].permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
            axes.set_title(f"{float(quality[index]):.2f}", fontsize=7, pad=2)
    return figure
