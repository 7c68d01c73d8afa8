"""Stands in for `vllm serve` in tests: llama.cpp's own OpenAI-compatible server with a real model, started as vLLM is.

It takes vLLM's command line and reads VLLM_API_KEY as vLLM does. It is not vLLM: what only vLLM does is not tested.
The model's name makes it misbehave: `crash` exits at once, `hang` never becomes healthy.
"""

import os
import signal
import sys
import threading

import xllamacpp
from whitebox_llm.model_file import open_model_file

command, model, *arguments = sys.argv[1:]
assert command == "serve"
if model == "crash":
    sys.exit(3)
if model == "hang":
    signal.pause()

parameters = xllamacpp.CommonParams()
parameters.model.path = str(open_model_file(None, "", "").path)
parameters.model_alias = {model}
parameters.n_parallel = 2
parameters.n_ctx = 1024
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.cache_ram_mib = 0
parameters.verbosity = 1
parameters.port = int(arguments[arguments.index("--port") + 1])
parameters.api_keys = [os.environ["VLLM_API_KEY"]]
server = xllamacpp.Server(parameters)
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
ended.wait()
