"""Google over HTTP: sign-in, transport, and a thin gateway each for Docs, Drive and Gmail."""
