"""One module per external thing: database, object store, index, embedding service, parsers."""
