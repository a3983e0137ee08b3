"""Drive's `files.export` for a Google Doc: Markdown, HTML and plain text.

Each function takes a Docs v1 `Document` resource, with `tabs` or with the legacy top-level fields,
and is pure. Pending suggestions count as not accepted, as in Drive's exports.
"""

from google_rehearsal.export.html import to_html
from google_rehearsal.export.markdown import to_markdown, to_plain_text

__all__ = ["to_html", "to_markdown", "to_plain_text"]
