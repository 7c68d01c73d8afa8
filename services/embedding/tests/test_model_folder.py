"""What is and is not accepted as a model folder."""

import json
from pathlib import Path

import pytest
from whitebox_embedding import model_folder
from whitebox_embedding.errors import ModelError
from whitebox_embedding.model_folder import DEFAULT_WEIGHTS_SHA256, default_folder, open_folder, sha256_file

CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
    "layer_norm_eps": 1e-12,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "tokenizer.json").touch()
    (tmp_path / "1_Pooling").mkdir()
    return tmp_path


def test_the_default_weights_are_the_pinned_ones():
    folder = open_folder(default_folder())
    assert sha256_file(folder.weights_path) == DEFAULT_WEIGHTS_SHA256
    assert folder.architecture.max_tokens == 256


def test_the_window_is_the_positions_unless_sentence_transformers_says_less(folder):
    assert open_folder(folder).architecture.max_tokens == 32
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    assert open_folder(folder).architecture.max_tokens == 20
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 900}')
    assert open_folder(folder).architecture.max_tokens == 32


@pytest.mark.parametrize(
    ("written", "pooling"),
    [("{}", "mean"), ('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}', "cls")],
)
def test_pooling_is_read(folder, written, pooling):
    (folder / "1_Pooling" / "config.json").write_text(written)
    assert open_folder(folder).architecture.pooling == pooling


def test_max_pooling_is_refused(folder):
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(ModelError, match="pooling_mode_max_tokens cannot be served"):
        open_folder(folder)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json, model\.safetensors, tokenizer\.json missing"):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "only absolute position embeddings"),
        ({"hidden_size": None}, "incomplete or malformed"),
        ({"layer_norm_eps": "small"}, "incomplete or malformed"),
    ],
)
def test_other_architectures_are_refused(folder, change, message):
    (folder / "config.json").write_text(json.dumps(CONFIG | change))
    with pytest.raises(ModelError, match=message):
        open_folder(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", "\xff"])
def test_malformed_configuration_is_refused(folder, content):
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"config\.json"):
        open_folder(folder)


def test_weights_that_are_no_safetensors_are_refused(folder):
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        open_folder(folder).read_weights()


def test_an_uninstalled_default_says_what_to_install(monkeypatch):
    monkeypatch.setattr(model_folder, "_DEFAULT_PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ModelError, match=r"requirements/models-embedding\.txt"):
        default_folder()
