"""Trained weights: import of published ones, checkpoints of ours, networks that only look."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.pretrained.checkpoints import load_module as load_module
    from facequal.pretrained.frozen import FaceEmbedder as FaceEmbedder
    from facequal.pretrained.frozen import FeatureNetwork as FeatureNetwork
    from facequal.pretrained.frozen import RecognizerFeatures as RecognizerFeatures
    from facequal.pretrained.frozen import VGGFaceFeatures as VGGFaceFeatures
    from facequal.pretrained.importing import LoadReport as LoadReport
    from facequal.pretrained.importing import load_backbone_weights as load_backbone_weights
    from facequal.pretrained.importing import load_network_weights as load_network_weights
    from facequal.pretrained.importing import load_vggface as load_vggface
    from facequal.pretrained.importing import load_weights as load_weights
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
