"""Figures of merit on tensors."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.metrics.brisque import BRISQUEWeights as BRISQUEWeights
    from facequal.metrics.brisque import brisque_features as brisque_features
    from facequal.metrics.identification import probe_ranks as probe_ranks
    from facequal.metrics.identification import rank_accuracy as rank_accuracy
    from facequal.metrics.no_reference import no_reference_scores as no_reference_scores
    from facequal.metrics.norms import NormCorrelations as NormCorrelations
    from facequal.metrics.norms import NormStatistics as NormStatistics
    from facequal.metrics.restoration import psnr as psnr
    from facequal.metrics.restoration import ssim as ssim
    from facequal.metrics.roc import RocCurve as RocCurve
    from facequal.metrics.roc import roc_curve as roc_curve
    from facequal.metrics.verification import KFoldAccuracy as KFoldAccuracy
    from facequal.metrics.verification import accuracy_interval as accuracy_interval
    from facequal.metrics.verification import kfold_accuracy as kfold_accuracy
    from facequal.metrics.verification import pair_scores as pair_scores
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
