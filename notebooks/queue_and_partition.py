# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # QGFace: the partition by quality, and what is in the queue
#
# QGFace classifies images of high quality and contrasts those of low quality with a queue of past embeddings. Two
# things can be looked at: which images fall on which side of the threshold b, and whether the embeddings in the queue
# are still of use when the network has moved on. Shown are the runs of
#
# `facequal study experiments/demo/qgface_tables_2_3.yaml --seeds 1`
#
# or, where there are none, of a much smaller study that this notebook makes itself.

# %%
# %matplotlib inline
import torch
from small_studies import row_folder, study_folder

from facequal.analysis.embedding import embed_faces
from facequal.analysis.norms import pearson
from facequal.analysis.similarities import all_similarities, draw_partition, draw_similarities
from facequal.degradations.draws import Keys
from facequal.degradations.qgface import QGFaceAugmentation
from facequal.methods.qgface.partition import unit_quality
from facequal.metrics.no_reference import no_reference_scores
from facequal.pretrained.checkpoints import load_module
from facequal.procedural import ProceduralFaces

rows = {"momentum": "momentum", "proxy-updated": "proxy-updated = b 0.2"}
study = study_folder(
    "studies/qgface_tables_2_3",
    "demo/qgface_tables_2_3.yaml",
    *rows.values(),
    small=(
        "--trainer.max_steps=40",
        "--data.train.init_args.num_identities=300",
        "--data.train.init_args.images_per_identity=4",
    ),
)
methods = {name: load_module(row_folder(study, row) / "checkpoints" / "last.ckpt") for name, row in rows.items()}
faces = ProceduralFaces(num_identities=300, images_per_identity=4)  # people of the training, as the queue's

# %% [markdown]
# ## The partition
#
# Faces under QGFace's augmentation, by the quality that is read off their norm (mean and spread of the norms come from
# the training). Below b an image goes to the contrastive loss. Is what is below b worse to *your* eye? The correlations
# say what this quality goes with.

# %%
method = methods["proxy-updated"]
places = range(0, 480, 2)
images = torch.stack([faces[place]["image"] for place in places]).float() / 255
degraded, drawn = QGFaceAugmentation()(images, Keys(torch.tensor(places), seed=0, epoch=0))
with torch.no_grad():
    _, norms = method.eval()(degraded)
    quality = unit_quality(method.quality(norms))
draw_partition(degraded, quality, method.partition.threshold)

# %%
measures = {name: values.numpy() for name, values in no_reference_scores(degraded).items()}
measures["drawn scale"] = drawn["random_rescale.scale"].numpy()
{name: round(pearson(values, quality.numpy()), 2) for name, values in measures.items()}

# %% [markdown]
# ## What the queue holds
#
# Cosines of degraded faces with the queue's keys of the same people and of others. `momentum` holds embeddings as they
# were inserted, by an encoder that follows slowly; `proxy-updated` moves each embedding as far as the class weight of
# its person has moved since. The wider the gap, the better the queue tells people apart; which of the two does is what
# the figures below say of this run. In-batch negatives have no queue to look at.

# %%
probes = {name: embed_faces(each, faces, places, QGFaceAugmentation()) for name, each in methods.items()}
queues = {}
for name, each in methods.items():
    keys, labels = each.queue.keys(each.head.weight.detach())
    found = probes[name]
    queues[name] = all_similarities(found.embeddings, found.labels, keys, labels)
draw_similarities(queues)

# %%
{name: round(found.gap, 3) for name, found in queues.items()}
