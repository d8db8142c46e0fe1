"""Pictures of gradient scaling terms: polar maps side by side."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from facequal.analysis.gst import GradientScaling, scaling_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_scaling_maps(
    scalings: Mapping[str, GradientScaling], between: float = 1.2, max_norm: float = 40.0, columns: int = 4
) -> "Figure":
    """Draw |g| of every margin over angle and norm, all in one colour scale, in units of its scale s.

    The class of the face is at the right, the other one where the dashed line is; the radius is the feature norm.
    AdaFace's mean norm is drawn as a circle.

    Args:
        scalings: Margins by name.
        between: Angle between the two classes in radians.
        max_norm: Largest norm.
        columns: Maps in a row.
    """
    from matplotlib.figure import Figure

    maps = {name: scaling_map(scaling, between, max_norm) for name, scaling in scalings.items()}
    strengths = {name: scaling.strength / scalings[name].s for name, scaling in maps.items()}
    top = max(float(strength.max()) for strength in strengths.values())
    rows = math.ceil(len(maps) / columns)
    figure = Figure(figsize=(3.1 * columns, 3.0 * rows), layout="constrained")
    mesh = None
    for number, (name, scaling) in enumerate(maps.items(), start=1):
        axes = figure.add_subplot(rows, columns, number, projection="polar")
        angles, norms, strength = scaling.angles.numpy(), scaling.norms.numpy(), strengths[name].numpy()
        mesh = axes.pcolormesh(angles, norms, strength, vmin=0, vmax=top, cmap="viridis", rasterized=True)
        for angle, style in ((0.0, "-"), (between, "--")):
            axes.plot([angle, angle], [0, max_norm], color="w", linestyle=style, linewidth=1)
        mean = getattr(scalings[name], "mean", None)
        if mean is not None:
            axes.plot(angles, [mean] * len(angles), color="w", linewidth=0.8, linestyle=":")
        axes.set_thetamin(math.degrees(-between))  # type: ignore[attr-defined]  # of polar axes
        axes.set_thetamax(math.degrees(2 * between))  # type: ignore[attr-defined]
        axes.set_xticks([0.0, between], ["$W_y$", "$W_j$"])
        axes.set_yticks([])
        axes.set_title(name, fontsize=10)
    if mesh is not None:
        figure.colorbar(mesh, ax=figure.axes, label="|g| / s", shrink=0.6)
    return figure
