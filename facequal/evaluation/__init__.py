"""What judges the outputs of a run while they are there: one evaluator for each kind of protocol."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.evaluation.baselines import BM3D as BM3D
    from facequal.evaluation.baselines import CLAHE as CLAHE
    from facequal.evaluation.baselines import Baseline as Baseline
    from facequal.evaluation.baselines import GainNormalisation as GainNormalisation
    from facequal.evaluation.baselines import HistogramEqualisation as HistogramEqualisation
    from facequal.evaluation.baselines import NonLocalMeans as NonLocalMeans
    from facequal.evaluation.brisque_files import load_brisque as load_brisque
    from facequal.evaluation.callback import ProtocolEvaluation as ProtocolEvaluation
    from facequal.evaluation.classification import ClassificationEvaluator as ClassificationEvaluator
    from facequal.evaluation.evaluator import Evaluator as Evaluator
    from facequal.evaluation.identity import IdentityJudge as IdentityJudge
    from facequal.evaluation.photos import PhotoEvaluator as PhotoEvaluator
    from facequal.evaluation.recognition import RecognitionEvaluator as RecognitionEvaluator
    from facequal.evaluation.restoration import RestorationEvaluator as RestorationEvaluator
    from facequal.evaluation.settings import RecognitionSettings as RecognitionSettings
    from facequal.evaluation.settings import RestorationSettings as RestorationSettings
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
