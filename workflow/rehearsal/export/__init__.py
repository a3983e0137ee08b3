"""What Drive's `files.export` gives for a Google Doc: Markdown, HTML and plain text.

Each function takes a Docs v1 `Document` resource, with `tabs` or with the legacy top-level fields,
and is pure. Pending suggestions count as not accepted, which is what Drive exports.
"""

from workflow.rehearsal.export.html import to_html
from workflow.rehearsal.export.markdown import to_markdown
from workflow.rehearsal.export.plain_text import to_plain_text

__all__ = ["to_html", "to_markdown", "to_plain_text"]
