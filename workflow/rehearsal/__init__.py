"""The rehearsal Google: a local server with the REST surface of Docs, Drive and Gmail."""
