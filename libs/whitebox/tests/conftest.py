"""Makes the registries (`pairs.registry`, `mutants.catalogue`) and the tests they name importable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
