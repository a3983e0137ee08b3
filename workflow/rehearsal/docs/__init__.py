"""The rehearsal's Google Docs: a document with the index rules of the real one.

Pure values in memory: no network, no disk, no clock. Facts come from the Docs API reference (the
discovery document of revision 20261006) and from answers of the live API that were published.
"""

from .batch import apply_batch
from .documents import blank_document, copy_document
from .errors import DocsError
from .model import DocumentModel, FetchedPicture
from .render import render_document
from .storage import from_json, to_json

__all__ = [
    "DocsError",
    "DocumentModel",
    "FetchedPicture",
    "apply_batch",
    "blank_document",
    "copy_document",
    "from_json",
    "render_document",
    "to_json",
]
