"""The rehearsal Google: a local server with the REST surface of Docs, Drive and Gmail.

It is meant to be at least as strict as Google. It is more lenient in two things: permission changes
on a file happen one after the other, where Drive may lose all but the last; and sharing a folder
later does not share the files already in it.

Known from recorded answers: the bodies in tests/fixtures/google_errors. From the reference or the
discovery documents: schemas, scopes, units, the rules of indexes, threads and properties. Guessed,
in the style of Google's similar errors: too many recipients, a missing request body, a wrong draft
id, and the daily limit's text, which combines two recorded ones.

Left out, and answered with 501: batches, resumable uploads, imports into Docs, writing comments,
searches for shared drives and moves out of them, labels and threads of Gmail beyond what sending
needs.
"""

__version__ = "1.0.0"
