"""The vector engine of the local stack: Qdrant's own engine in one process, behind the part of its gRPC API we use.

In the cluster this process is a Qdrant server. Locally no server binary is needed: `qdrant-edge-py` is the same engine
as a library, one process owns its files, and every other process reaches it with the unmodified `qdrant-client`.
"""
