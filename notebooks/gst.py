# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gradient scaling: what a margin does to easy, hard and unrecognisable faces
#
# The gradient of a margin loss in the feature is a direction, common to all margins, times a scalar: the gradient
# scaling term g = (P - 1) df/dcos (AdaFace, Eq. 12), with P the probability of the right class and f the logit as a
# function of the cosine. Where |g| is large a sample counts, where it is 0 the sample is ignored.
#
# The last part shows the runs of
#
# `facequal study experiments/demo/norms.yaml --seeds 1`
#
# or, where there are none, of a much smaller study that it makes itself.

# %%
# %matplotlib inline
import torch
from matplotlib.figure import Figure
from small_studies import norms_study, row_folder

from facequal.analysis.gst import AdaFaceScaling, ArcFaceScaling, CosFaceScaling, published_scalings
from facequal.analysis.gst_drawings import draw_scaling_maps
from facequal.analysis.norms import read_samples

# %% [markdown]
# ## Maps
#
# Two classes. The angle is that of the feature: its own class is at the right (solid line), the other one at the dashed
# line. The radius is the feature norm. Only MagFace and AdaFace depend on it: MagFace's margin grows with the norm;
# AdaFace, whose mean norm is the dotted circle, weighs hard samples (towards the dashed line) the more against easy
# ones (towards the solid line), the higher the norm is.

# %%
draw_scaling_maps(published_scalings())

# %% [markdown]
# ## Along the angle
#
# The same as curves, |g| / s at a fixed P of 1/2. CosFace is flat; ArcFace prefers small angles. AdaFace is nearly
# ArcFace for short features, CosFace at the mean norm, and for long ones the reverse: what is easy counts nothing.

# %%
theta = torch.linspace(0.05, 1.5, 200, dtype=torch.float64)
half = torch.full_like(theta, 0.5)
adaface = AdaFaceScaling(mean=20.0, std=5.0)
curves = {"CosFace": (CosFaceScaling(), 20.0), "ArcFace": (ArcFaceScaling(), 20.0)}
curves |= {f"AdaFace, norm {norm}": (adaface, norm) for norm in (5.0, 20.0, 35.0)}
figure = Figure(figsize=(6, 3.4), layout="constrained")
axes = figure.subplots()
for name, (scaling, norm) in curves.items():
    g = scaling(theta, torch.full_like(theta, norm), half)
    axes.plot(theta, g.abs() / scaling.s, "--" if "Ada" not in name else "-", label=name)
axes.set_xlabel("angle to the own class, rad")
axes.set_ylabel("|g| / s")
axes.legend(fontsize=8)
figure

# %% [markdown]
# ## In a training
#
# What the samples of a training really got: |g| against the feature norm in the last epoch, by the resolution to which
# they were reduced (112 px: not at all). `TrainingSamples` keeps these values for every margin. As long as P is small,
# AdaFace's |g| falls with the norm even for hard samples, since its angular margin does; ArcFace knows no norm.

# %%
rows = ("AdaFace", "ArcFace")
study = norms_study()
figure = Figure(figsize=(9, 3.6), layout="constrained")
for axes, row in zip(figure.subplots(1, 2, sharey=True), rows, strict=True):
    samples = read_samples(row_folder(study, row))
    last = samples[samples["epoch"] == samples["epoch"].max()]
    sizes = last["drawn.size_px"].where(last["drawn.applied"] > 0, 112)
    for size_px in sorted(sizes.unique()):
        part = last[sizes == size_px]
        axes.plot(part["norm"], -part["gradient_scaling"], ".", markersize=3, label=f"{size_px:.0f} px")
    axes.set_title(row)
    axes.set_xlabel("feature norm")
figure.axes[0].set_ylabel("|g|")
figure.axes[-1].legend(fontsize=8, markerscale=3)
figure
