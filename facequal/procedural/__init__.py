"""Procedural faces: made-up people rendered from numbers, the data that needs no download.

`identities` draws who a person is and `appearance` what one image of them looks like; `renderer` turns both into pixels
with the help of the modules named after what they draw; `dataset` caches the images and serves them.
"""

from facequal.procedural.contact_sheet import contact_sheet
from facequal.procedural.dataset import ProceduralFaces
from facequal.procedural.identities import FAMILY_SIZE
from facequal.procedural.pairs import Impostors, procedural_pairs
from facequal.procedural.renderer import RENDERER_VERSION, render_identity

__all__ = [
    "FAMILY_SIZE",
    "RENDERER_VERSION",
    "Impostors",
    "ProceduralFaces",
    "contact_sheet",
    "procedural_pairs",
    "render_identity",
]
