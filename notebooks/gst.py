# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gradient scaling
#
# Every margin pulls a feature to its class with a strength of its own: g = (P - 1) df/dcos. This notebook draws |g| for all margins, and what a training saw.
# The last part shows the run of
#
# `facequal fit -c experiments/demo/adaface.yaml --trainer.callbacks+ facequal.callbacks.training_samples.TrainingSamples`
#
# if there is one, and makes a tiny one itself if there is none.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from facequal.analysis.gst import published_scalings, scaling_map
from facequal.analysis.gst_drawings import draw_scaling_maps
from facequal.analysis.norms import read_samples
