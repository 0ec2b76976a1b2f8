"""Data: files, folders and names to encoded tensors and back, with a schema that is kept beside the model."""

from anyvae.data.beside import (
    LABEL,
    aside_of,
    encode_given,
    encode_labels,
    given_width,
    infer_beside,
    keep_labels,
)
from anyvae.data.compact import Compact, encode_compact, is_wide
from anyvae.data.decode import decode
from anyvae.data.encode import Encoded, encode
from anyvae.data.errors import DataError, UnseenWarning
from anyvae.data.infer import infer_schema
from anyvae.data.recurrent import MOST_POINTS
from anyvae.data.schema import Feature, Schema
from anyvae.data.source import Source, load_source
from anyvae.data.split import held_out_split, some_rows
from anyvae.data.sprites import DSprites
from anyvae.data.units import log_unit
from anyvae.data.write import write

__all__ = [
    "LABEL",
    "MOST_POINTS",
    "Compact",
    "DSprites",
    "DataError",
    "Encoded",
    "Feature",
    "Schema",
    "Source",
    "UnseenWarning",
    "aside_of",
    "decode",
    "encode",
    "encode_compact",
    "encode_given",
    "encode_labels",
    "given_width",
    "held_out_split",
    "infer_beside",
    "infer_schema",
    "is_wide",
    "keep_labels",
    "load_source",
    "log_unit",
    "some_rows",
    "write",
]
