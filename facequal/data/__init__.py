"""Faces from files, brought to batches: sources, evaluation protocols, and the data module over both."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.data.checking.check import check_data as check_data
    from facequal.data.datamodule import FaceDataModule as FaceDataModule
    from facequal.data.errors import DataError as DataError
    from facequal.data.protocols.base import EvaluationProtocol as EvaluationProtocol
    from facequal.data.protocols.base import VerificationProtocol as VerificationProtocol
    from facequal.data.protocols.export import export_suite as export_suite
    from facequal.data.protocols.pairs import VerificationPairs as VerificationPairs
    from facequal.data.protocols.pairs import read_bin as read_bin
    from facequal.data.protocols.pairs import read_pairs_txt as read_pairs_txt
    from facequal.data.protocols.photos import RealPhotos as RealPhotos
    from facequal.data.protocols.photos import ReferencedPhotos as ReferencedPhotos
    from facequal.data.protocols.restoration import DegradedSet as DegradedSet
    from facequal.data.protocols.restoration import MixtureSet as MixtureSet
    from facequal.data.protocols.restoration import RestorationSet as RestorationSet
    from facequal.data.protocols.verification import FolderPairs as FolderPairs
    from facequal.data.protocols.verification import HeldOutPairs as HeldOutPairs
    from facequal.data.protocols.verification import PairsBin as PairsBin
    from facequal.data.protocols.verification import PairsFile as PairsFile
    from facequal.data.protocols.verification import ProceduralPairs as ProceduralPairs
    from facequal.data.sampling.identity_pairs import IdentityPairs as IdentityPairs
    from facequal.data.source import FaceSource as FaceSource
    from facequal.data.sources.datasets import FaceDataset as FaceDataset
    from facequal.data.sources.datasets import FolderDataset as FolderDataset
    from facequal.data.sources.datasets import ImageFolder as ImageFolder
    from facequal.data.sources.datasets import ListDataset as ListDataset
    from facequal.data.sources.datasets import RecordDataset as RecordDataset
    from facequal.data.sources.splits import SampledFaces as SampledFaces
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
