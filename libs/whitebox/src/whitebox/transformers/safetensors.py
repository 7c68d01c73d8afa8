"""The name under which models find `whitebox.safetensors`."""

from __future__ import annotations

from whitebox.safetensors import load_safetensors, save_safetensors

__all__ = ["load_safetensors", "save_safetensors"]
