# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Cross-resolution: what octuplet fine-tuning changes
#
# A small face and a sharp one of the same person are far apart for a recogniser that was trained on sharp faces. The
# four triplet terms of octuplet fine-tuning pull them together. Shown are the runs of
#
# `make demo`
#
# or, where there are none, of a much smaller study that this notebook makes itself.

# %%
# %matplotlib inline
from matplotlib.figure import Figure
from small_studies import row_folder, study_folder

from facequal.analysis.embedding import similarities_by_resolution
from facequal.analysis.similarities import draw_similarities
from facequal.pretrained.checkpoints import load_module
from facequal.procedural import ProceduralFaces
from facequal.reports.results import read_results

study = study_folder(
    "demo",
    "demo/study.yaml",
    "octuplet",
    small=(
        "--trainer.max_steps=50",
        "--data.train.init_args.num_identities=180",
        "--data.train.init_args.images_per_identity=6",
        "--data.resolutions_px=[7,14,28,112]",
    ),
)
runs = {"base": study / "base" / "seed_0", "octuplet": row_folder(study, "octuplet")}

# %% [markdown]
# ## Accuracy over resolution
#
# Verification of unseen people, the second image of each pair reduced. The two lines of a colour are those before and
# after; look-alikes ("mixed") are harder than people of other families.

# %%
figure = Figure(figsize=(6, 3.6), layout="constrained")
axes = figure.subplots()
for name, run in runs.items():
    results = read_results(run / "report" / "results.csv")
    for colour, protocol in (("tab:blue", "procedural/other-family"), ("tab:orange", "procedural/mixed")):
        found = {
            int(result.column.removesuffix(" px")): result.value
            for result in results
            if (result.protocol, result.condition, result.metric) == (protocol, "cross-resolution", "accuracy")
        }
        style = {"base": "--", "octuplet": "-"}[name]
        axes.semilogx(found.keys(), found.values(), style, color=colour, marker="o", label=f"{name}, {protocol}")
        axes.set_xticks(list(found), [f"{size_px} px" for size_px in found], minor=False)
        axes.set_xticks([], minor=True)
axes.set_ylabel("accuracy")
axes.legend(fontsize=7)
figure

# %% [markdown]
# ## Why: similarities of small probes with a sharp gallery
#
# Every probe is compared with one sharp picture of each person: its cosine with its own person (matched), and the best
# with anybody else (unmatched). The gap is the mean of the first minus that of the second. Filled: after fine-tuning;
# outlines: before; in brackets the change of the gap. A threshold or a ranking can work where the gap is positive.

# %%
faces = ProceduralFaces(num_identities=60, images_per_identity=6, first_identity=612)
sizes_px = (7, 14, 28, 112)
before, after = (
    similarities_by_resolution(load_module(run / "checkpoints" / "last.ckpt"), faces, sizes_px) for run in runs.values()
)
draw_similarities(after, before)
