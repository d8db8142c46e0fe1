"""What the page shows of the trainings: norms, gradient scaling, pictures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from facequal.analysis.gst_drawings import draw_scaling_maps
from facequal.analysis.norm_drawings import draw_correlations
from facequal.analysis.norms import quality_columns
from facequal.reports.notes import Notes
from facequal.reports.page.figures import ProtocolTable
from facequal.reports.page.gradient_scaling import head_of, largest_norm, margins_of
from facequal.reports.page.panels import Styles, draw_resolution_lines, resolution_lines
from facequal.reports.page.pictures import Picture, drawing, picture_files, read_pictures, stage_files, within
from facequal.reports.page.runs import Run
from facequal.reports.page.samples import draw_norm_histograms, draw_trained_scalings, is_drawable


def norms_section(runs: Sequence[Run], tables: Sequence[ProtocolTable], styles: Styles, notes: Notes) -> dict[str, Any]:
    """Return feature norms for `feature-norms.html`.

    Those of the test sets over the resolution, those of the training's samples, and how they go with quality.
    """
    drawings, correlations = [], []
    for table in tables:
        lines = resolution_lines(table, ["mean"])  # of `facequal.evaluation.norms`
        if lines:
            caption = f"Mean feature norm on {table.protocol} over the resolution"
            alt = f"{caption} in pixels, a line per run; the figures are in its table."
            drawings.append(drawing(draw_resolution_lines(lines, styles), caption, alt))
    kept = {run.name: run.samples for run in runs if run.samples is not None}
    if kept:
        caption = "Feature norms of training samples in the last epoch"
        alt = f"Histograms, a line per run: {caption} of {', '.join(kept)}."
        drawings.append(drawing(draw_norm_histograms(kept, styles), caption, alt))
    for name, samples in kept.items():
        if quality_columns(samples):
            caption = f"{name}: correlation of feature norm and of P(y) with quality, per epoch"
            correlations.append(drawing(draw_correlations(samples), caption, f"A line per quality. {caption}."))
        else:
            notes.add("its samples say nothing of quality that varies, so no correlations with the norm", name)
    without = [run.name for run in runs if run.samples is None and head_of(run.first.config) is not None]
    section = {"drawings": drawings, "correlations": correlations, "without": without}
    return section if any(section.values()) else {}


def scaling_section(runs: Sequence[Run], notes: Notes) -> dict[str, Any]:
    """Return maps of the margins' gradient scaling, and that of training samples, for `gradient-scaling.html`."""
    margins = margins_of(runs, notes)
    drawings = []
    if margins:
        maps = {f"{number}. {margin.name}": margin.scaling for number, margin in enumerate(margins, start=1)}
        figure = draw_scaling_maps(maps, max_norm=largest_norm(margins), columns=min(2, len(maps)))
        alt = f"Polar maps of |g| for {', '.join(maps)}."
        drawings.append(drawing(figure, "Gradient scaling of the margins", alt))
    kept = {run.name: run.samples for run in runs if run.samples is not None and is_drawable(run.samples)}
    if kept:
        caption = "Gradient scaling of training samples in the last epoch over their feature norm"
        drawings.append(drawing(draw_trained_scalings(kept), caption, f"Points: {caption}; {', '.join(kept)}."))
    without = [run.name for run in runs if run.first.config and head_of(run.first.config) is None]
    return {"margins": margins, "drawings": drawings, "without": without} if drawings else {}


def pictures_section(runs: Sequence[Run], notes: Notes) -> dict[str, Any]:
    """Return pictures that the runs left, for `pictures.html`: pairs, restored pictures, searches, previews."""
    files = [(run.name, picture_files(run)) for run in runs] + [("Searches of the studies", stage_files(runs))]
    titles, pictures = [], []
    for title, captions in files:
        for picture in read_pictures(captions, title, notes):
            titles.append(title)
            pictures.append(replace(picture, alt=f"{picture.caption}, {title}"))
    groups: dict[str, list[Picture]] = {}
    for title, picture in zip(titles, within(pictures), strict=True):
        groups.setdefault(title, []).append(picture)
    return {"pictures": groups} if groups else {}
