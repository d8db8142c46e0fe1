# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The search of NASFE's fusion
#
# Which operators does the search prefer, how sure is it, and what does the network that it leads to do to a picture?
# Shown are the runs of
#
# `make demo-restore`
#
# or, where there are none, of a much smaller study that this notebook makes itself (which is far too short to restore
# anything). What the search is worth against random cells is a question for
# `facequal study experiments/demo/nasfe/search_quality.yaml`, whose header has the figures.

# %%
# %matplotlib inline
from io import BytesIO

import pandas as pd
import PIL.Image
import torch
from IPython.display import Image
from matplotlib.figure import Figure
from small_studies import row_folder, study_folder

from facequal.callbacks.search_report import draw_alpha, draw_cell
from facequal.methods.nasfe.network.genotype import load_genotype
from facequal.pretrained.checkpoints import load_module

one_image = """[{class_path: facequal.data.protocols.restoration.RestorationSet, init_args: {num_images: 100, images: 1,
    faces: {class_path: facequal.procedural.ProceduralFaces, init_args: {num_identities: 20, first_identity: 612,
    images_per_identity: 5}}}}]"""
study = study_folder(
    "demo_restore",
    "demo/nasfe/study.yaml",
    "searched",
    small=(
        "--trainer.max_steps=12",
        "--data.train.init_args.num_identities=40",
        "--data.train.init_args.images_per_identity=4",
        f"--data.test={' '.join(one_image.split())}",
    ),
)
search, searched = study / "stages" / "search" / "seed_0", row_folder(study, "searched")

# %% [markdown]
# ## Alpha
#
# The probability of each of the 11 operators on every edge at the end of the search, and the weight of the edges
# within their block. All equal is where a search begins; a column that is bright throughout would be a collapse.

# %%
fusion = load_module(search / "checkpoints" / "last.ckpt").fusion.requires_grad_(False)
draw_alpha(torch.cat(fusion.operator_weights()).numpy(), torch.cat(fusion.input_weights()).numpy())

# %%
logged = pd.read_csv(search / "metrics.csv").filter(like="search/").dropna().iloc[-1]
shares = logged.filter(like="search/share/").rename(lambda name: name.rpartition("/")[2]).sort_values()
figure = Figure(figsize=(5, 2.6), layout="constrained")
axes = figure.subplots()
axes.barh(shares.index, shares.to_numpy())
axes.set_xlabel("share of the edges that prefer the operator")
axes.set_title(f"entropy of alpha {logged['search/entropy']:.3f} (1: all equal)", fontsize=10)
figure

# %% [markdown]
# ## The cell that follows

# %%
genotype = load_genotype(search / "genotype.json")
draw_cell(genotype)

# %% [markdown]
# ## What it restores
#
# Test-BNL, pictures of unseen people: blurred, noisy and dark.

# %%
results = pd.read_csv(searched / "report" / "results.csv")
results[results["metric"].isin(["psnr", "ssim"])].pivot_table("value", "column", "metric").round(3)

# %%
picture = PIL.Image.open(searched / "report" / "Test-BNL.png").convert("RGB")
picture.thumbnail((700, 2000))
small = BytesIO()
picture.save(small, "JPEG", quality=80)
Image(small.getvalue())
