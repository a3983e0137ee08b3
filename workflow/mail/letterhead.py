"""The sheet that a mail's HTML is written on: one quiet column, dark where the reader is dark."""

from __future__ import annotations

from functools import cache
from html import escape

import css_inline

# Inlined into the elements: many mail programs drop style sheets.
_SHEET = """
body { margin: 0; padding: 0; background: #ffffff; color: #1f2328; }
.sheet { max-width: 37em; margin: 0 auto; padding: 28px 20px 36px; font-family: -apple-system,
  BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; font-size: 16px;
  line-height: 1.55; color: #1f2328; overflow-wrap: anywhere; }
p { margin: 0 0 16px; }
h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; font-weight: 600; }
h2, h3, h4, h5, h6 { margin: 26px 0 8px; font-size: 17px; line-height: 1.35; font-weight: 600; }
ul, ol { margin: 0 0 16px; padding-inline-start: 24px; }
li { margin: 0 0 6px; }
a { color: #0b57d0; text-decoration: underline; }
blockquote { margin: 0 0 16px; padding: 2px 0 2px 14px; border-inline-start: 3px solid #d0d7de;
  color: #57606a; }
blockquote > p:last-child { margin: 0; }
li > ul, li > ol { margin: 6px 0 0; }
hr { margin: 24px 0; border: 0; border-top: 1px solid #d0d7de; }
table { margin: 0 0 16px; border-collapse: collapse; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid #d0d7de; text-align: start;
  vertical-align: top; }
th { font-weight: 600; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; }
pre { margin: 0 0 16px; padding: 12px; background: #f6f8fa; white-space: pre-wrap; }
"""

# Can't be inlined. `!important` because it has to win over what is.
_DARK = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
body, .sheet { background: #121417 !important; color: #e6e8eb !important; }
a { color: #8ab4f8 !important; }
blockquote { color: #aab1b9 !important; border-color: #444c56 !important; }
hr, th, td { border-color: #444c56 !important; }
pre { background: #1c2026 !important; }
}
"""

_SHELL = """<!doctype html>
<html{lang} dir="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>{dark}</style>
</head>
<body>
<div class="sheet">
{body}</div>
</body>
</html>
"""


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        extra_css=_SHEET,
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
    )


def letter(body: str, *, title: str, lang: str = "") -> str:
    """A whole HTML document round `body`, which is HTML already; `title` is text."""
    language = f' lang="{escape(lang)}"' if lang else ""
    return _inliner().inline(
        _SHELL.format(lang=language, title=escape(title), dark=_DARK, body=body)
    )
