"""The engine reports to no one."""

import os
import subprocess
import sys


def test_loading_the_model_writes_no_device_identity_and_starts_no_uploader(bundle, tmp_path):
    # The engine keeps an identifier and a spool of events below the home folder, except where CI is set.
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    script = (
        "import sys, pathlib; from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder;"
        "OnnxEncoder(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", script, str(bundle.graph_path)], env=environment, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []
