"""InsightFace record sets (`train.rec`, `train.idx`) without mxnet: a lazy reader and a writer.

Record 0 of a set is a header with the labels [n + 1, n + 1 + identities]; the images have the keys 1..n, and behind
them each identity has a record with the labels [first key, last key + 1]. Where record 0 is an image, the set has
neither header nor identity records: all its records are images.
"""

from facequal.data.sources.recordio.format import Record
from facequal.data.sources.recordio.reader import RecordReader
from facequal.data.sources.recordio.writer import RecordWriter, write_record_set

__all__ = ["Record", "RecordReader", "RecordWriter", "write_record_set"]
