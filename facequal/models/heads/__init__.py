"""Classification heads with margins; the class weights are the proxies of the identities."""

from facequal.models.heads.adaface import AdaFaceHead
from facequal.models.heads.base import HeadOutput, MarginHead
from facequal.models.heads.curricularface import CurricularFaceHead
from facequal.models.heads.fixed import ArcFaceHead, CosFaceHead, SoftmaxHead, SphereFaceHead
from facequal.models.heads.magface import MagFaceHead

__all__ = [
    "AdaFaceHead",
    "ArcFaceHead",
    "CosFaceHead",
    "CurricularFaceHead",
    "HeadOutput",
    "MagFaceHead",
    "MarginHead",
    "SoftmaxHead",
    "SphereFaceHead",
]
