# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does the feature norm follow quality?
#
# AdaFace reads the quality of an image off the norm of its feature: recognisable faces get long features,
# unrecognisable ones short features. Whether that holds on *your* data is a question to ask before a margin is built
# on it. Here it is asked of a small recogniser that sees half of its faces reduced to 7, 14 or 28 pixels.
#
# This notebook shows the runs of
#
# `facequal study experiments/demo/norms.yaml --seeds 1`
#
# or, where there are none, of a much smaller study that it makes itself. With your own data: add
# `--trainer.callbacks+=facequal.callbacks.training_samples.TrainingSamples` to any `facequal fit`, and give its run
# folder to `read_samples`.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd
from small_studies import norms_study, row_folder

from facequal.analysis.embedding import embed_faces
from facequal.analysis.norm_drawings import draw_correlations, draw_scatter, draw_trajectories
from facequal.analysis.norms import quality_columns, quality_correlations, read_samples
from facequal.analysis.similarities import draw_error_versus_reject, error_versus_reject
from facequal.degradations import Resolution
from facequal.pretrained.checkpoints import load_module
from facequal.procedural import ProceduralFaces

study = norms_study()
runs = {name: row_folder(study, name) for name in ("AdaFace", "ArcFace")}
samples = {name: read_samples(run) for name, run in runs.items()}
print(", ".join(quality_columns(samples["AdaFace"])))

# %% [markdown]
# ## Correlation with quality, epoch by epoch
#
# `drawn.*` is what the degradation drew, the truth; `measured.*` are measures of the picture that know nothing of
# faces. Pearson's r of each with the norm, and with the probability of the right class.

# %%
draw_correlations(samples["AdaFace"])

# %%
last = {
    name: found[found["epoch"] == found["epoch"].max()].set_index(["quality", "value"])["r"]
    for name, found in ((name, quality_correlations(kept)) for name, kept in samples.items())
}
pd.DataFrame(last).unstack("value").round(2)

# %% [markdown]
# ## The last epoch, sample by sample

# %%
draw_scatter(samples["AdaFace"], "drawn.size_px")

# %% [markdown]
# ## How norms come about
#
# The samples in five groups by their final norm, dark the lowest. The right panel says how many of each group were
# degraded: were the norm a perfect measure of quality, the dark lines would end at 1 and the bright ones at 0.

# %%
draw_trajectories(samples["AdaFace"])

# %% [markdown]
# ## What refusing poor pictures gains
#
# Pairs of unseen people, each picture at a size of its own. Refusing the pairs with the lowest norms first should lower
# the rate of misses, which refusing at random does not. Refusing by the size that was drawn uses the truth about the
# degradation, and nothing about the face.

# %%
method = load_module(runs["AdaFace"] / "checkpoints" / "last.ckpt")
faces = ProceduralFaces(num_identities=40, images_per_identity=6, first_identity=612)
found = embed_faces(method, faces, degradation=Resolution([7, 14, 28, 112]))
one, other = np.triu_indices(len(found.labels), k=1)
cosines = (found.embeddings @ found.embeddings.T).numpy()[one, other]
same = (found.labels[one] == found.labels[other]).numpy()


def lower(values):
    """Of each pair."""
    return np.minimum(values[one], values[other])


qualities = {
    "norm": lower(found.norms.numpy()),
    "size drawn": lower(found.drawn["size_px"].numpy()),
    "at random": np.random.default_rng(0).uniform(size=len(one)),
}
draw_error_versus_reject(
    {name: error_versus_reject(cosines, same, quality, fmr=0.01) for name, quality in qualities.items()}
)
