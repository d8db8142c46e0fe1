"""ROC curves as a picture."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from facequal.metrics.roc import RocCurve
from facequal.reports.comparison.changes import ComparisonTable
from facequal.reports.curves import CurveKey
from facequal.reports.png import panels, with_grid
from facequal.reports.results import column_order
from facequal.reports.statistics import Change
from facequal.reports.tables import NOT_AVAILABLE, format_value

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_roc(curves: Mapping[CurveKey, RocCurve]) -> "Figure":
    """Return ROC curves, one panel per (protocol, condition), one line per column, FAR on a logarithmic axis.

    A line shows at each FAR the TAR of the largest acceptance set that keeps to it, so it rises in steps. The axis
    starts at 1 / number of impostor pairs, the smallest FAR other than 0.

    Args:
        curves: The curve of each (protocol, condition, column); at least one.

    Returns:
        A figure that belongs to no pyplot state.
    """
    headings = list(dict.fromkeys((protocol, condition) for protocol, condition, _ in curves))
    figure, axes = panels(len(headings), 2, (4.4, 3.8), (1.2, 0.0))
    shades = shades_of(column_order(column for _, _, column in curves))
    handles: dict[str, Artist] = {}
    for heading, axis in zip(headings, axes, strict=True):
        drawn = {column: curves[*heading, column] for column in shades if (*heading, column) in curves}
        left = min(1 / max(curve.num_impostor for curve in drawn.values()), 0.1)
        for column, curve in drawn.items():
            handles[column] = _draw_steps(axis, *_steps(curve, left), shades[column])
        handles["chance"] = style_roc_axis(axis, ", ".join(heading), left)
    names = [name for name in (*shades, "chance") if name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside right upper", frameon=False)
    return figure


def shades_of(columns: list[str]) -> dict[str, tuple[float, ...]]:
    """Return a colour per column, from dark to light; the yellow end of the scale is too pale on white."""
    from matplotlib import colormaps

    return {column: colormaps["viridis"](0.87 * i / max(len(columns) - 1, 1)) for i, column in enumerate(columns)}


def _draw_steps(
    axis: "Axes", far: list[float], tar: list[float], colour: tuple[float, ...], dash: Literal["--", "-"] = "-"
) -> "Artist":
    (line,) = axis.plot(far, tar, drawstyle="steps-post", color=colour, linestyle=dash, linewidth=1.6)
    return line


def style_roc_axis(axis: "Axes", title: str, left: float) -> "Artist":
    """Show FAR from `left` to 1 on a logarithmic axis, TAR in percent, and chance as a dotted line; give that line."""
    chance = torch.logspace(math.log10(left), 0, 100).tolist()
    (line,) = axis.plot(chance, chance, color="0.6", linewidth=1, linestyle=":")
    axis.set(xscale="log", xlim=(left, 1), ylim=(0, 1.01), xlabel="FAR", ylabel="TAR")
    axis.set_title(title, fontsize="medium")
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    with_grid(axis)
    return line


def _steps(curve: RocCurve, left: float) -> tuple[list[float], list[float]]:
    """Return points where the highest TAR changes as FAR grows, from `left` to 1; millions of pairs leave thousands."""
    far, tar = curve.far, curve.tar
    is_highest = torch.ones_like(far, dtype=torch.bool)
    is_highest[:-1] = far[1:] != far[:-1]
    return _where_tar_changes(far[is_highest].clamp_min(left), tar[is_highest])


STYLES: dict[str, Literal["--", "-"]] = {"before": "--", "after": "-"}
CurvesOfSeeds = Sequence[Mapping[CurveKey, RocCurve]]


def draw_compared_roc(before: CurvesOfSeeds, after: CurvesOfSeeds, eers: ComparisonTable) -> "Figure":
    """Return ROC curves before (dashed) and after (solid), one panel per set and condition, one colour per resolution.

    FAR is on a logarithmic axis from 1 / number of impostor pairs. Of several seeds the mean TAR at each FAR is drawn.
    Below each panel stand the EERs.

    Args:
        before: The curves of each seed.
        after: The curves of each seed.
        eers: The EERs; each of its sections gives a panel, with the columns that all seeds hold a curve of, one at
            least.

    Returns:
        A figure that belongs to no pyplot state.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    sections = eers.sections
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.12)
    figure, axes = panels(len(sections), 2 if len(sections) <= 6 else 4, (4.8, 5.0), (0.0, 0.4), layout)
    shades = shades_of(column_order(eers.columns))
    for (heading, changes), axis in zip(sections.items(), axes, strict=True):
        _draw_sides(axis, heading, changes, {"before": before, "after": after}, shades)
    lines = [Line2D([], [], color="0.2", linestyle=style) for style in STYLES.values()]
    lines.append(Line2D([], [], color="0.6", linestyle=":"))
    figure.legend(lines, [*STYLES, "chance"], loc="outside upper center", ncols=3, frameon=False)
    return figure


def _draw_sides(
    axis: "Axes",
    heading: tuple[str, str],
    eers: Mapping[str, Change],
    sides: Mapping[str, CurvesOfSeeds],
    shades: Mapping[str, tuple[float, ...]],
) -> None:
    shared = [
        key for key in ((*heading, column) for column in shades) if all(key in s for of in sides.values() for s in of)
    ]
    curves = {(name, key[2]): [seed[key] for seed in sides[name]] for name in sides for key in shared}
    left = min(1 / min(curve.num_impostor for seeds in curves.values() for curve in seeds), 0.1)
    for (name, column), seeds in curves.items():
        line = _draw_steps(axis, *mean_steps(seeds, left), shades[column], STYLES[name])
        line.set_label(f"{column}: {_eers(eers.get(column))}" if name == "after" else "_")
    style_roc_axis(axis, ", ".join(heading), left)
    axis.legend(
        title="EER in percent, before → after",
        title_fontsize="small",
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),
        ncols=2,
        frameon=False,
    )


def _eers(eer: Change | None) -> str:
    sides = [format_value(side.mean, "fraction") for side in eer[:2]] if eer else [NOT_AVAILABLE]
    return " → ".join(sides)


def mean_steps(curves: Sequence[RocCurve], left: float) -> tuple[list[float], list[float]]:
    """Return the mean TAR of several curves as steps: the points where it changes as FAR grows from `left` to 1.

    At each FAR a curve has the TAR of the largest acceptance set that keeps to it.

    Args:
        curves: At least one.
        left: Smallest FAR drawn, above 0.
    """
    edges = torch.tensor([left, 1.0], dtype=torch.float64)
    fars = torch.cat([edges, *(curve.far[curve.far > left] for curve in curves)])
    far = torch.tensor(sorted(set(fars.tolist())), dtype=torch.float64)
    tar = torch.stack([curve.tar[torch.searchsorted(curve.far, far, right=True) - 1] for curve in curves]).mean(0)
    return _where_tar_changes(far, tar)


def _where_tar_changes(far: Tensor, tar: Tensor) -> tuple[list[float], list[float]]:
    changes = torch.ones_like(far, dtype=torch.bool)
    changes[1:-1] = tar[1:-1] != tar[:-2]
    return far[changes].tolist(), tar[changes].tolist()
