"""Classification heads with margins; the class weights are the proxies of the identities."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.models.heads.adaface import AdaFaceHead as AdaFaceHead
    from facequal.models.heads.base import HeadOutput as HeadOutput
    from facequal.models.heads.base import MarginHead as MarginHead
    from facequal.models.heads.curricularface import CurricularFaceHead as CurricularFaceHead
    from facequal.models.heads.fixed import ArcFaceHead as ArcFaceHead
    from facequal.models.heads.fixed import CosFaceHead as CosFaceHead
    from facequal.models.heads.fixed import SoftmaxHead as SoftmaxHead
    from facequal.models.heads.fixed import SphereFaceHead as SphereFaceHead
    from facequal.models.heads.magface import MagFaceHead as MagFaceHead
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
