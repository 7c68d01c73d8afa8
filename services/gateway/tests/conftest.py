"""A running gateway over real HTTP, in front of small gRPC servicers that keep the contracts deterministically."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_contracts.features.v1 import features_pb2, features_pb2_grpc
from whitebox_contracts.llm.v1 import llm_pb2, llm_pb2_grpc
from whitebox_contracts.retrieval.v1 import retrieval_pb2, retrieval_pb2_grpc
from whitebox_contracts.serving.v1 import serving_pb2, serving_pb2_grpc
from whitebox_gateway.adapters.services import Services
from whitebox_gateway.application import create_application
from whitebox_gateway.authentication import KeyRing, create_key
from whitebox_gateway.settings import GatewaySettings
from whitebox_runtime.errors import InvalidArgument, NotFound, Unavailable
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.health import Health
from whitebox_runtime.process import Process
from whitebox_runtime.settings import ServiceSettings
from whitebox_runtime.telemetry import setup_tracing

NOWHERE = "127.0.0.1:1"


def vector(text: str) -> np.ndarray:
    """A unit vector in which texts that share words are close: each word has its own direction."""
    total = np.full(384, 1e-3, np.float32)
    for word in re.findall(r"\w+", text.casefold()):
        total += np.random.default_rng(zlib.crc32(word[:5].encode())).standard_normal(384).astype(np.float32)
    return total / np.linalg.norm(total)


class Embedding(embedding_pb2_grpc.EmbeddingServiceServicer):
    def __init__(self) -> None:
        self.calls: list[int] = []

    async def Embed(self, request, context):
        if request.model not in ("", "mini"):
            raise NotFound(f"there is no model {request.model!r}", reason="model_not_found")
        self.calls.append(len(request.texts))
        rows = np.stack([vector(text) for text in request.texts])
        counts = [len(text.split()) + 2 for text in request.texts]
        return embedding_pb2.EmbedResponse(
            model="mini", dimensions=384, vectors=rows.astype("<f4").tobytes(), token_counts=counts,
            truncated=[False] * len(counts),
        )  # fmt: skip

    async def SelfCheck(self, request, context):
        texts = [
            embedding_pb2.TextCheck(
                cosine_distance=float("nan") if text == "broken" else 1e-7,
                largest_difference=2e-7,
                token_count=3,
                recomputed_token_count=3,
            )
            for text in request.texts
        ]
        return embedding_pb2.SelfCheckResponse(
            model="mini", precision="fp32", weights_sha256="ab" * 32, texts=texts, tolerance=1e-5,
            agrees="broken" not in request.texts, served_seconds=0.01, recomputed_seconds=0.1,
        )  # fmt: skip

    async def GetModel(self, request, context):
        return embedding_pb2.GetModelResponse(model="mini", dimensions=384, max_tokens=256, runtime="test 1")


class Llm(llm_pb2_grpc.LanguageModelServiceServicer):
    """Says `reply` word by word; `pause` holds it up after the first word until released."""

    def __init__(self) -> None:
        self.reply = "hello there friend"
        self.requests: list[llm_pb2.GenerateRequest] = []
        self.checks: list[llm_pb2.SelfCheckRequest] = []
        self.pause: asyncio.Event | None = None
        self.cancelled = asyncio.Event()
        self.fails_after: int | None = None

    async def Generate(self, request, context):
        if request.model not in ("", "small"):
            raise NotFound(f"there is no model {request.model!r}", reason="model_not_found")
        self.requests.append(request)
        words = re.findall(r"\S+\s*", self.reply)
        limit = request.max_tokens or len(words)
        try:
            for index, word in enumerate(words[:limit]):
                if self.fails_after == index:
                    raise Unavailable("the engine died", reason="engine_died")
                details = []
                if request.HasField("top_logprobs"):
                    others = [
                        llm_pb2.TokenLogprob(token=f"x{i}", logprob=-1.0 - i) for i in range(request.top_logprobs)
                    ]
                    chosen = llm_pb2.TokenLogprob(token=word, logprob=-0.5)
                    details = [llm_pb2.TokenDetail(chosen=chosen, alternatives=others)]
                yield llm_pb2.GenerateResponse(text=word, tokens=details, model="small")
                if self.pause is not None:
                    await self.pause.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        reason = llm_pb2.FINISH_REASON_LENGTH if limit < len(words) else llm_pb2.FINISH_REASON_STOP
        usage = llm_pb2.Usage(prompt_tokens=7, completion_tokens=min(limit, len(words)), cached_tokens=2)
        yield llm_pb2.GenerateResponse(usage=usage, finish_reason=reason, model="small")

    async def SelfCheck(self, request, context):
        self.checks.append(request)
        tokens = [
            llm_pb2.TokenCheck(token="a", id=5, served_logprob=-1.0, recomputed_logprob=-1.5),
            llm_pb2.TokenCheck(token="\ufffd", id=6, recomputed_logprob=-2.0),
        ]
        return llm_pb2.SelfCheckResponse(
            model="small", weights_sha256="cd" * 32, prompt_tokens=4, recomputed_prompt_tokens=4, tokens=tokens,
            mean_difference=0.5, largest_difference=0.5, tolerance=0.5, agrees=True, served_seconds=0.1,
            recomputed_seconds=2.0,
        )  # fmt: skip

    async def ListModels(self, request, context):
        model = llm_pb2.Model(name="small", engine="test", context_tokens=2048, is_default=True)
        return llm_pb2.ListModelsResponse(models=[model])


class Retrieval(retrieval_pb2_grpc.RetrievalServiceServicer):
    def __init__(self) -> None:
        self.passages: list[retrieval_pb2.Passage] = []
        self.documents: dict[str, retrieval_pb2.Document] = {}
        self.contents: dict[str, bytes] = {}
        self.searches: list[retrieval_pb2.SearchRequest] = []
        self.encoder_away = False
        self.aborted = asyncio.Event()

    async def PutDocument(self, request_iterator, context):
        header, content, ended = None, b"", False
        try:
            async for message in request_iterator:
                if message.WhichOneof("part") == "header":
                    header = message.header
                elif message.WhichOneof("part") == "end":
                    ended = message.end.size_bytes == len(content)
                else:
                    assert len(message.data) <= 2**20
                    content += message.data
        except asyncio.CancelledError:
            self.aborted.set()
            raise
        if not ended:
            self.aborted.set()
            raise InvalidArgument("the upload broke off", reason="upload_incomplete")
        known = [d for d in self.documents.values() if self.contents[d.document_id] == content]
        if known:
            return retrieval_pb2.PutDocumentResponse(document=known[0], duplicate=True)
        name = f"d{len(self.documents)}"
        document = retrieval_pb2.Document(
            document_id=name, tenant=header.tenant, filename=header.filename, media_type=header.media_type,
            size_bytes=len(content), metadata=header.metadata, status=retrieval_pb2.DOCUMENT_STATUS_ACCEPTED, job_id=f"j-{name}",
        )  # fmt: skip
        document.created_at.FromSeconds(1_700_000_000)
        self.documents[name], self.contents[name] = document, content
        return retrieval_pb2.PutDocumentResponse(document=document)

    def _mine(self, request) -> retrieval_pb2.Document:
        found = self.documents.get(request.document_id)
        if found is None or found.tenant != request.tenant:
            raise NotFound(f"there is no document {request.document_id!r}", reason="document_not_found")
        return found

    async def GetDocument(self, request, context):
        return retrieval_pb2.GetDocumentResponse(document=self._mine(request))

    async def DeleteDocument(self, request, context):
        document = self._mine(request)
        document.status = retrieval_pb2.DOCUMENT_STATUS_DELETING
        return retrieval_pb2.DeleteDocumentResponse(document=document)

    async def ListDocuments(self, request, context):
        mine = [d for d in self.documents.values() if d.tenant == request.tenant]
        if request.page_token and not request.page_token.isdigit():
            raise InvalidArgument("page_token is not one of ours", reason="bad_page_token")
        start = int(request.page_token or 0)
        page = mine[start : start + request.page_size]
        token = str(start + request.page_size) if start + request.page_size < len(mine) else ""
        return retrieval_pb2.ListDocumentsResponse(documents=page, next_page_token=token)

    async def GetJob(self, request, context):
        if not request.job_id.startswith("j-"):
            raise NotFound("there is no such job", reason="job_not_found")
        job = retrieval_pb2.Job(job_id=request.job_id, kind="index", document_id=request.job_id[2:], attempts=1)
        job.state = retrieval_pb2.JOB_STATE_SUCCEEDED
        return retrieval_pb2.GetJobResponse(job=job)

    async def GetStats(self, request, context):
        return retrieval_pb2.GetStatsResponse(documents_indexed=len(self.documents), chunks=3, bytes=10)

    async def Search(self, request, context):
        self.searches.append(request)
        if self.encoder_away and request.mode != retrieval_pb2.SEARCH_MODE_SPARSE:
            raise Unavailable("embedding cannot be reached", reason="peer_unreachable", metadata={"peer": "embedding"})
        found = self.passages[: request.top_k]
        return retrieval_pb2.SearchResponse(passages=found, embed_seconds=0.001, index_seconds=0.002)


class Serving(serving_pb2_grpc.ServingServiceServicer):
    """Class "big" when the sum of the features is positive; version 2 takes its features in the other order."""

    def __init__(self) -> None:
        self.version = "1"
        self.names = {"1": ["a", "b"], "2": ["b", "a"], "3": ["b", "a", "c"]}
        self.rows: list[np.ndarray] = []

    def _model(self, name: str, version: str) -> serving_pb2.Model:
        if name not in ("sum", "value"):
            raise NotFound(f"there is no model {name!r}", reason="model_not_found")
        version = version or self.version
        if version not in self.names:
            raise NotFound(f"there is no version {version!r}", reason="version_not_found")
        features = [serving_pb2.Feature(name=n, minimum=0, maximum=1, mean=0.5) for n in self.names[version]]
        classifier = name == "sum"
        return serving_pb2.Model(
            name=name, version=version, task="classifier" if classifier else "regressor", features=features,
            classes=["small", "big"] if classifier else [], metrics={"accuracy": 0.9}, backend="batcher",
        )  # fmt: skip

    async def GetModel(self, request, context):
        return serving_pb2.GetModelResponse(model=self._model(request.model, request.version))

    async def ListModels(self, request, context):
        return serving_pb2.ListModelsResponse(models=[self._model("sum", ""), self._model("value", "")])

    async def ReloadModel(self, request, context):
        before, self.version = self.version, str(int(self.version) + 1)
        return serving_pb2.ReloadModelResponse(model=self._model(request.model, ""), previous_version=before)

    async def Infer(self, request, context):
        model = self._model(request.model, request.version)
        width = len(model.features)
        if len(request.features) != 4 * width * request.rows:
            raise InvalidArgument("the rows do not fit the model", reason="row_width")
        rows = np.frombuffer(request.features, "<f4").reshape(request.rows, width)
        self.rows.append(rows)
        first = rows[:, [f.name for f in model.features].index("a")]
        answer = serving_pb2.InferResponse(model=model.name, version=model.version, batch_rows=request.rows)
        if model.task == "regressor":
            answer.values = rows.sum(axis=1).astype("<f4").tobytes()
            return answer
        answer.classes.extend(model.classes)
        answer.class_indexes.extend(int(value > 0) for value in first)
        answer.probabilities = (
            np.stack([0.25 + 0.5 * (first <= 0), 0.25 + 0.5 * (first > 0)], axis=1).astype("<f4").tobytes()
        )
        return answer

    async def Explain(self, request, context):
        infer = serving_pb2.InferRequest(
            model=request.model, version=request.version, rows=request.rows, features=request.features
        )
        prediction = await self.Infer(infer, context)
        model = self._model(request.model, prediction.version)
        outputs = 2 if prediction.classes else 1
        names = [feature.name for feature in model.features]
        # "a" alone decides; the attributions are in the order of the version's features.
        share = np.zeros((1, outputs, len(names)))
        share[0, :, names.index("a")] = [-0.25, 0.25][:outputs]
        return serving_pb2.ExplainResponse(
            prediction=prediction, attributions=share.astype("<f8").tobytes(), background_rows=32, exact=True,
            base_values=np.full(outputs, 0.5).astype("<f8").tobytes(), evaluated_rows=64,
        )  # fmt: skip


class Features(features_pb2_grpc.FeatureServiceServicer):
    def __init__(self) -> None:
        self.events: dict[str, features_pb2.Event] = {}

    def _check(self, view: str) -> None:
        if view != "spend":
            raise NotFound(f"there is no feature view {view!r}", reason="view_not_found")

    async def PushEvents(self, request, context):
        new = {event.event_id: event for event in request.events if event.event_id not in self.events}
        self.events |= new
        return features_pb2.PushEventsResponse(accepted=len(new), duplicates=len(request.events) - len(new))

    async def GetOnline(self, request, context):
        self._check(request.feature_view)
        answer = features_pb2.GetOnlineResponse(feature_view="spend", feature_view_version=3)
        for entity in request.entity_ids:
            mine = [event for event in self.events.values() if event.entity_id == entity]
            value = features_pb2.FeatureValue(
                feature="count", value=len(mine), status=features_pb2.VALUE_STATUS_DEFAULT
            )
            if mine:
                value.status = features_pb2.VALUE_STATUS_PRESENT
                value.event_time.CopyFrom(mine[-1].event_time)
                value.age.FromMilliseconds(1500)
            answer.entities.add(entity_id=entity, values=[value])
        return answer

    async def GetHistorical(self, request, context):
        self._check(request.feature_view)
        values = np.arange(len(request.rows), dtype="<f8")
        values[0] = np.nan
        return features_pb2.GetHistoricalResponse(features=["count"], values=values.tobytes())

    async def ListFeatureViews(self, request, context):
        view = features_pb2.FeatureView(name="spend", version=3, entity="customer", source="transactions")
        view.freshness_limit.FromSeconds(60)
        view.features.add(name="count", aggregation="count").window.FromSeconds(3600)
        return features_pb2.ListFeatureViewsResponse(feature_views=[view])


@dataclass
class Backends:
    """The servicers behind the gateway, and where they listen."""

    address: str
    embedding: Embedding = field(default_factory=Embedding)
    llm: Llm = field(default_factory=Llm)
    retrieval: Retrieval = field(default_factory=Retrieval)
    serving: Serving = field(default_factory=Serving)
    features: Features = field(default_factory=Features)


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    key: str
    operator_key: str
    other_tenant_key: str
    client: httpx.AsyncClient
    backends: Backends
    keys_file: Path


class _Server(uvicorn.Server):
    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        serving = asyncio.create_task(self._serve())
        while not self.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0)
        try:
            yield self.servers[0].sockets[0].getsockname()[1]
        finally:
            self.should_exit = True
            await serving


@pytest.fixture(scope="session", autouse=True)
def _tracing() -> None:
    setup_tracing("gateway-test")


@pytest.fixture
async def backends() -> AsyncIterator[Backends]:
    settings = ServiceSettings(host="127.0.0.1", port=0, shutdown_grace_seconds=0)
    process = Process("backends", settings)
    async with GrpcServer(process, service_names=[]) as server:
        found = Backends("")
        embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(found.embedding, server.server)
        llm_pb2_grpc.add_LanguageModelServiceServicer_to_server(found.llm, server.server)
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(found.retrieval, server.server)
        serving_pb2_grpc.add_ServingServiceServicer_to_server(found.serving, server.server)
        features_pb2_grpc.add_FeatureServiceServicer_to_server(found.features, server.server)
        found.address = f"127.0.0.1:{await server.start()}"
        yield found
        process.stopping.set()


StartGateway = Callable[..., "asyncio.Future[Gateway]"]


@pytest.fixture
async def start_gateway(backends: Backends, tmp_path: Path) -> AsyncIterator[Callable]:
    """Starts gateways with settings of the test's choice; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(**changed) -> Gateway:
            path = tmp_path / "keys"
            key, _ = create_key(path, "acme", frozenset({"user"}))
            operator_key, _ = create_key(path, "acme", frozenset({"user", "operator"}))
            other, _ = create_key(path, "other", frozenset({"user"}))
            targets = {
                f"{name}_target": backends.address for name in ("embedding", "retrieval", "llm", "serving", "features")
            }
            settings = GatewaySettings(api_keys_file=path, **{**targets, **changed})
            services = Services(settings)
            stack.push_async_callback(services.close)
            health = Health()
            for name, check in services.checks():
                health.add_check(name, check, critical=False)
            app = create_application(settings, KeyRing(path), services, health)
            config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", ws="none", log_config=None, access_log=False,
                                    timeout_graceful_shutdown=1)  # fmt: skip
            port = await stack.enter_async_context(_Server(config).running())
            url = f"http://127.0.0.1:{port}"
            client = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
            await stack.enter_async_context(client)
            return Gateway(url, key, operator_key, other, client, backends, path)

        yield start


@pytest.fixture
async def gateway(start_gateway) -> Gateway:
    return await start_gateway()


def assert_problem(response: httpx.Response, status: int, reason: str | None = None) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["title"]
    assert problem["type"].endswith(problem["reason"])
    assert problem["trace_id"] == response.headers["x-trace-id"]
    if reason is not None:
        assert problem["reason"] == reason
    return problem


@pytest.fixture(name="assert_problem")
def _assert_problem() -> Callable:
    return assert_problem


@pytest.fixture(scope="session")
def labelled() -> Callable[[str], dict]:
    folder = Path(__file__).parent / "answerability"
    return lambda name: json.loads((folder / f"{name}.json").read_text())
