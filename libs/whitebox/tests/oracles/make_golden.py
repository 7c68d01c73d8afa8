"""Computes with transformers and PyTorch what our models are held against, where those two are installed.

    PYTHONPATH=libs/whitebox/src:libs/whitebox/tests <python with torch, transformers, gguf>
        libs/whitebox/tests/oracles/make_golden.py MINILM_FOLDER SMOLLM2_GGUF

The result is stored, so that the comparison runs everywhere; `test_transformers.py` makes it anew where it can.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from oracles.residual_networks import STORED, twins

GOLDEN = Path(__file__).parent / "golden"
SENTENCES = [
    "The tide rises by nine metres twice a day.",
    "Gradient descent follows the slope of the loss, step by step.",
    "How often is the gearbox oil of a turbine changed?",
    "In 1905, Einstein published four papers.",
    "Les marées sont causées par la lune.",
    "データ",
    "Straße nach Köln",
    "naïve café",
    "e=mc²",
    "?",
    "a",
    "!!! ... ---",
    "def main() -> int:\n    return 0",
    "Error code KX-7731 means that the gate is blocked; call +44 20 7946 0018.",
    "the " * 60,
]
PROMPTS = [
    "The capital of France is the city of", "Once upon a time there was a small", "def fibonacci(n):\n    if n < 2:",
    "The three primary colours are red, green and", "Water boils at a temperature of one hundred",
    "To be, or not to be, that is the", "The largest planet in our solar system is", "A neural network learns by changing its own",
    "import numpy as np\n\nx = np", "The recipe needs two eggs, some flour and", "Tides rise and fall because of the moon and",
    "My favourite book is about a man who", "In the year 1969 people first walked on", "SELECT name, age FROM users WHERE",
    "The opposite of hot is cold, and the", "Every morning she drinks a cup of", "Dear Sir or Madam, I am writing to",
    "The derivative of x squared with respect to", "He opened the door slowly and saw a", "Photosynthesis turns sunlight, water and carbon",
]  # fmt: skip
PROMPT_TOKENS = 7
CONTINUED = 64
COMPARED = 1024


def texts(count: int) -> list[str]:
    """Varied texts: sentences, joined and cut at random places."""
    rng = np.random.default_rng(0)
    found = list(SENTENCES)
    while len(found) < count:
        joined = " ".join(rng.choice(SENTENCES, rng.integers(1, 6)).tolist())
        start = int(rng.integers(0, max(1, len(joined) - 5)))
        found.append(joined[start : start + int(rng.integers(5, 400))] or "x")
    return found[:count]


def minilm(folder: str) -> dict[str, np.ndarray]:
    """Token numbers of 200 texts, and the mean of their tokens' vectors at length 1."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder).eval()
    taken = [tokenizer(text, truncation=True, max_length=128)["input_ids"] for text in texts(200)]
    lengths = np.array([len(ids) for ids in taken])
    vectors = []
    for ids in taken:
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0]
        vectors.append(torch.nn.functional.normalize(hidden.mean(dim=0), dim=0).numpy())
    return {"ids": np.concatenate(taken).astype(np.int32), "lengths": lengths, "vectors": np.array(vectors)}


def smollm2(path: str) -> dict[str, np.ndarray]:
    """Logits behind 20 prompts for some of the tokens, and the most probable continuation of each."""
    file = Path(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    model.eval()
    ids = np.array([tokenizer(prompt)["input_ids"][:PROMPT_TOKENS] for prompt in PROMPTS])
    some = np.sort(np.random.default_rng(0).choice(49_152, COMPARED, replace=False))
    with torch.no_grad():
        logits = model(torch.tensor(ids)).logits[:, -1].numpy()
        written = model.generate(
            torch.tensor(ids), attention_mask=torch.ones(ids.shape), max_new_tokens=CONTINUED, do_sample=False,
            eos_token_id=None, pad_token_id=0,
        ).numpy()[:, ids.shape[1] :]  # fmt: skip
    return {"ids": ids, "some": some, "logits": logits[:, some], "best": logits.argmax(axis=1), "written": written}


def gpt2() -> dict[str, np.ndarray]:
    """The weights of a tiny GPT-2 under their published names, its logits, and how it continues prompts greedily."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=40, n_positions=32, n_embd=16, n_layer=2, n_head=4, initializer_range=0.4, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
        ids = torch.tensor(np.random.default_rng(0).integers(0, 40, (8, 12)))
        logits = model(ids).logits.numpy()
        written = model.generate(
            ids, attention_mask=torch.ones(ids.shape), max_new_tokens=20, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        ).numpy()[:, ids.shape[1] :]  # fmt: skip
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    return {"ids": ids.numpy().astype(np.int32), "logits": logits, "written": written, **weights}


def main() -> None:
    """Writes the files."""
    GOLDEN.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN / "resnet.npz", **twins(STORED)[1])
    np.savez_compressed(GOLDEN / "minilm.npz", **minilm(sys.argv[1]))
    np.savez_compressed(GOLDEN / "smollm2.npz", **smollm2(sys.argv[2]))
    np.savez_compressed(GOLDEN / "gpt2.npz", **gpt2())


if __name__ == "__main__":
    main()
