"""The rehearsal's Google Docs: a document with the index rules of the real one.

Pure values in memory: no network, no disk, no clock. Facts come from the Docs API reference (the
discovery document of revision 20261006) and from answers of the live API that were published.
"""

from google_rehearsal.docs.errors import DocsError
from google_rehearsal.docs.methods import apply_batch
from google_rehearsal.docs.new_documents import blank_document, copy_document
from google_rehearsal.docs.render import render_document
from google_rehearsal.docs.world import DocumentModel, FetchedPicture, from_json, to_json

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
