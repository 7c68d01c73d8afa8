"""Stubs and types generated from protos/."""
