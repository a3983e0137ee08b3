"""The rehearsal Google: a local server with the REST surface of Docs, Drive and Gmail.

Where the two could differ it means to be the stricter. It is kinder in two things: permission
changes on a file happen one after the other, where Drive may lose all but the last; and a folder
that is shared later does not share what lies in it already.

Known from recorded answers: the bodies in tests/fixtures/google_errors. From the reference or the
discovery documents: schemas, scopes, units, the rules of indexes, threads and properties. Our own
guess, worded as Google words its like: too many recipients, a missing request body, a wrong draft
id, and the daily limit's text, which is put together from two recorded ones.

Left out, and answered with 501: batches, resumable uploads, imports into Docs, comments, shared
drives, labels and threads of Gmail beyond what sending needs.
"""
