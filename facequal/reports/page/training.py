"""Sections of the page on the trainings: norms, gradient scaling, pictures."""

from collections.abc import Sequence

from facequal.analysis.gst_drawings import draw_scaling_maps
from facequal.analysis.norm_drawings import draw_correlations
from facequal.analysis.norms import quality_columns
from facequal.reports.notes import Notes
from facequal.reports.page.curves import Styles, draw_resolution_lines, resolution_lines
from facequal.reports.page.drawings import drawing, drawings, shown
from facequal.reports.page.figures import ProtocolTable
from facequal.reports.page.html import Html, element, joined
from facequal.reports.page.margins import head_of, largest_norm, margins_of
from facequal.reports.page.pictures import picture_files, read_pictures, stage_files, within
from facequal.reports.page.reading import Run
from facequal.reports.page.samples import draw_norm_histograms, draw_trained_scalings, is_drawable

_ABOUT_SCALING = (
    "How strongly each margin pulls a feature to its class: |g| = (1 - P(y)) |df / dcos θ|, in units of the scale s, "
    "for two classes. The angle is that to the own class W_y, the other one is W_j, the radius is the feature norm; "
    "dotted: the mean norm that AdaFace has learnt."
)


def norms_section(runs: Sequence[Run], tables: Sequence[ProtocolTable], styles: Styles, notes: Notes) -> Html:
    """Return norms of the test sets over the resolution, those of the training's samples, and how they go with quality."""
    small, wide, texts = [], [], []
    for own in tables:
        lines = resolution_lines(own, ["mean"])  # of `facequal.evaluation.norms`
        if lines:
            caption = f"Mean feature norm on {own.protocol} over the resolution"
            alt = f"{caption} in pixels, a line per run; the figures are in its table."
            small.append(drawing(draw_resolution_lines(lines, styles), caption, alt))
    kept = {run.name: run.samples for run in runs if run.samples is not None}
    if kept:
        caption = "Feature norms of training samples in the last epoch"
        alt = f"Histograms, a line per run: {caption} of {', '.join(kept)}."
        small.append(drawing(draw_norm_histograms(kept, styles), caption, alt))
    for name, samples in kept.items():
        if quality_columns(samples):
            caption = f"{name}: correlation of feature norm and of P(y) with quality, per epoch"
            wide.append(drawing(draw_correlations(samples), caption, f"A line per quality. {caption}.", is_wide=True))
        else:
            notes.add("its samples say nothing of quality that varies, so no correlations with the norm", name)
    without = [run.name for run in runs if run.samples is None and head_of(run.first.config) is not None]
    if without:
        reason = "No histograms of norms, as their trainings kept no samples (callback TrainingSamples): "
        texts.append(element("p", reason + ", ".join(without) + "."))
    return joined([*([drawings(small)] if small else []), *wide, *texts])


def scaling_section(runs: Sequence[Run], notes: Notes) -> Html:
    """Return maps of the gradient scaling of the margins that the runs train with, and that of their samples."""
    margins = margins_of(runs, notes)
    small, parts = [], []
    if margins:
        names = [f"{number}. {margin.name}" for number, margin in enumerate(margins, start=1)]
        maps = {name: margin.scaling for name, margin in zip(names, margins, strict=True)}
        figure = draw_scaling_maps(maps, max_norm=largest_norm(margins), columns=min(2, len(maps)))
        caption = "Gradient scaling of the margins"
        small.append(drawing(figure, caption, f"Polar maps of |g| for {', '.join(names)}."))
        lines = [f"{margin.label}: {', '.join(margin.runs)}" for margin in margins]
        parts = [element("p", _ABOUT_SCALING), element("ol", *[element("li", line) for line in lines])]
    kept = {run.name: run.samples for run in runs if run.samples is not None and is_drawable(run.samples)}
    if kept:
        caption = "Gradient scaling of training samples in the last epoch over their feature norm"
        small.append(drawing(draw_trained_scalings(kept), caption, f"Points: {caption}; {', '.join(kept)}."))
    without = [run.name for run in runs if run.first.config and head_of(run.first.config) is None]
    if small and without:
        parts.append(element("p", f"Trained without a margin: {', '.join(without)}."))
    return joined([*parts, drawings(small)]) if small else Html("")


def pictures_section(runs: Sequence[Run], notes: Notes) -> Html:
    """Return pictures that the runs left: pairs, restored pictures, searches, previews."""
    titles, found = [], []
    searches = stage_files(runs)
    for name, files in [*[(run.name, picture_files(run)) for run in runs], ("Searches of the studies", searches)]:
        pictures = read_pictures(files, name, notes)
        titles += [name] * len(pictures)
        found += pictures
    groups: dict[str, list[Html]] = {}
    for name, picture in zip(titles, within(found), strict=True):
        # In less room than 600 px the writing of a wider picture is too small.
        is_wide = picture.size_px[0] > 600
        groups.setdefault(name, []).append(shown(picture, f"{picture.caption}, {name}", is_wide))
    return joined([part for name, own in groups.items() for part in (element("h3", name), *own)])
