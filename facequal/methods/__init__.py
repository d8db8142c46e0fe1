"""Methods, each in a folder of its own, with the networks, options and schedules that configurations name."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.methods.base import FaceMethod as FaceMethod
    from facequal.methods.nasfe.method import NASFE as NASFE
    from facequal.methods.nasfe.network.genotype import Genotype as Genotype
    from facequal.methods.nasfe.network.genotype import RandomGenotype as RandomGenotype
    from facequal.methods.nasfe.network.network import NASFENetwork as NASFENetwork
    from facequal.methods.nasfe.network.network import SingleRestorer as SingleRestorer
    from facequal.methods.nasfe.network.supernet import SearchSpace as SearchSpace
    from facequal.methods.nasfe.search import NASFESearch as NASFESearch
    from facequal.methods.octuplet.loss import OctupletLoss as OctupletLoss
    from facequal.methods.octuplet.method import Octuplet as Octuplet
    from facequal.methods.qgface.contrastive import contrastive_loss as contrastive_loss
    from facequal.methods.qgface.method import QGFace as QGFace
    from facequal.methods.qgface.options import Contrast as Contrast
    from facequal.methods.qgface.options import Partition as Partition
    from facequal.methods.recognition.base import EmbeddingMethod as EmbeddingMethod
    from facequal.methods.recognition.recognizer import Recognizer as Recognizer
    from facequal.methods.recognition.siamese import Siamese as Siamese
    from facequal.methods.restoration.base import RestoringMethod as RestoringMethod
    from facequal.methods.restoration.degradation_classifier import DegradationClassifier as DegradationClassifier
    from facequal.methods.restoration.networks import DnCNN as DnCNN
    from facequal.methods.restoration.networks import UNet as UNet
    from facequal.methods.restoration.restorer import Restorer as Restorer
    from facequal.methods.schedules import CosineSchedule as CosineSchedule
    from facequal.methods.schedules import Schedule as Schedule
    from facequal.methods.schedules import StepSchedule as StepSchedule
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
