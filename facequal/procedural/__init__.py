"""Procedural faces: made-up people rendered from numbers, the data that needs no download.

`identities` draws who a person is and `appearance` what one image of them looks like; `renderer` turns both into pixels
with the help of the modules named after what they draw; `dataset` caches the images and serves them.
"""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.procedural.dataset import ProceduralFaces as ProceduralFaces
    from facequal.procedural.identities import FAMILY_SIZE as FAMILY_SIZE
    from facequal.procedural.pairs import Impostors as Impostors
    from facequal.procedural.pairs import procedural_pairs as procedural_pairs
    from facequal.procedural.renderer import RENDERER_VERSION as RENDERER_VERSION
    from facequal.procedural.renderer import render_identity as render_identity
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
