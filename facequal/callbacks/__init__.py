"""Callbacks of the trainer: what runs write beside their results."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.callbacks.embeddings import EmbeddingWriter as EmbeddingWriter
    from facequal.callbacks.preview import TrainingPreview as TrainingPreview
    from facequal.callbacks.restored_pictures import RestoredPictures as RestoredPictures
    from facequal.callbacks.save_config import SaveRunConfig as SaveRunConfig
    from facequal.callbacks.search_report import SearchReport as SearchReport
    from facequal.callbacks.training_samples import TrainingSamples as TrainingSamples
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
