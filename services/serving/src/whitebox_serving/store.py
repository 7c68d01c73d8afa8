"""Where versions come from, seen from inside."""

from typing import Protocol, TypeAlias

from whitebox_serving.artifact import Artifact

# Tells one content of a version from another without reading it; only equality means anything.
Stamp: TypeAlias = tuple[tuple[int, int, int], tuple[int, int, int]]


class Store(Protocol):
    """A place that holds versions of models."""

    def scan(self) -> dict[str, dict[int, Stamp]]:
        """Lists what is there, by name and version; cheap enough to call every second.

        Raises:
            OSError: The store cannot be read.
        """
        ...

    def read(self, name: str, version: int) -> Artifact:
        """Reads and verifies one version.

        Raises:
            RejectedModelError: It is missing, damaged or invalid.
        """
        ...
