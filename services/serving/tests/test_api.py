"""The service over real gRPC, called by a stub as any client would."""

import asyncio
from functools import partial

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_contracts.serving.v1 import serving_pb2_grpc
from whitebox_runtime.process import Process
from whitebox_runtime.testing import free_port
from whitebox_serving.main import serve
from whitebox_serving.settings import ServingSettings


@pytest_asyncio.fixture
async def stub(store_folder):
    port = free_port()
    settings = ServingSettings(
        port=port, metrics_port=-1, model_store=store_folder, poll_seconds=3600, shutdown_grace_seconds=1, audit_share=1
    )
    process = Process("serving", settings)
    serving = asyncio.create_task(serve(process))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = serving_pb2_grpc.ServingServiceStub(channel)
        async with asyncio.timeout(20):
            while len((await stub.ListModels(pb.ListModelsRequest(), wait_for_ready=True)).models) < 3:
                pass
        yield stub
    process.stopping.set()
    await serving


def infer(matrix, model="breast-cancer", **changes):
    matrix = np.asarray(matrix, "<f4")
    return pb.InferRequest(**({"model": model, "rows": len(matrix), "features": matrix.tobytes()} | changes))


async def refusal(call):
    """The code, reason and message that a call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(info)
    return caught.value.code().name, info.reason, caught.value.details()


@pytest.mark.parametrize("fixture", ["logistic", "forest"])
async def test_a_classifier_answers_as_scikit_learn_does(stub, fixture, request):
    trained = request.getfixturevalue(fixture)
    answer = await stub.Infer(infer(trained.held_out, trained.dataset.name), timeout=5)
    found = np.frombuffer(answer.probabilities, "<f4").reshape(len(trained.held_out), -1)
    np.testing.assert_allclose(found, trained.outputs, atol=1e-5)
    assert list(answer.class_indexes) == trained.model.predict(trained.held_out).tolist()
    assert list(answer.classes) == trained.dataset.classes
    assert (answer.model, answer.version, answer.values) == (trained.dataset.name, "1", b"")
    assert answer.batch_rows == len(trained.held_out)


async def test_a_regressor_answers_with_values_only(stub, regressor):
    answer = await stub.Infer(infer(regressor.held_out, "friedman"), timeout=5)
    found = np.frombuffer(answer.values, "<f4")
    np.testing.assert_allclose(found, regressor.model.predict(regressor.held_out), rtol=1e-4)
    assert (answer.probabilities, list(answer.class_indexes), list(answer.classes)) == (b"", [], [])


async def test_models_describe_themselves(stub, logistic):
    listed = (await stub.ListModels(pb.ListModelsRequest(), timeout=5)).models
    assert [(one.name, one.version, one.backend) for one in listed] == [
        (name, "1", "batcher") for name in ("breast-cancer", "friedman", "iris")
    ]
    model = (await stub.GetModel(pb.GetModelRequest(model="breast-cancer", version="1"), timeout=5)).model
    assert model == listed[0]
    assert (model.task, list(model.classes), len(model.checksum)) == ("classifier", ["malignant", "benign"], 64)
    assert model.metrics["accuracy"] == logistic.metrics["accuracy"]
    column = logistic.dataset.rows[:, 0]
    feature = model.features[0]
    assert (feature.name, feature.minimum, feature.maximum) == ("mean radius", column.min(), column.max())
    assert model.trained_at.seconds > 1_700_000_000


FLOWER = [[5.1, 3.5, 1.4, 0.2]]
iris = partial(infer, model="iris")


@pytest.mark.parametrize(
    ("sent", "code", "reason", "says"),
    [
        (iris(FLOWER, rows=0), "INVALID_ARGUMENT", "rows_out_of_range", "rows is 0, send 1 to 4096"),
        (iris(FLOWER * 4097), "INVALID_ARGUMENT", "rows_out_of_range", "rows is 4097"),
        (iris(FLOWER, rows=2**32 - 1), "INVALID_ARGUMENT", "rows_out_of_range", "4096"),
        (iris(FLOWER, features=b""), "INVALID_ARGUMENT", "features_wrong_size", "1 rows of 4 float32 features are 16"),
        (iris(FLOWER, features=bytes(15)), "INVALID_ARGUMENT", "features_wrong_size", "features has 15 bytes"),
        (iris(FLOWER, rows=2), "INVALID_ARGUMENT", "features_wrong_size", "features has 16 bytes"),
        (iris([FLOWER[0], [1, 2, np.nan, 4]]), "INVALID_ARGUMENT", "not_finite", "row 1, feature 2 ('petal length (cm)')"),
        (iris([[1, np.inf, 3, 4]]), "INVALID_ARGUMENT", "not_finite", "row 0, feature 1 ('sepal width (cm)') is inf"),
        (iris([[-np.inf, 2, 3, 4]]), "INVALID_ARGUMENT", "not_finite", "is -inf"),
        (iris(FLOWER, model=""), "INVALID_ARGUMENT", "model_empty", "ListModels"),
        (iris(FLOWER, model="m" * 65), "INVALID_ARGUMENT", "model_too_long", "at most 64"),
        (iris(FLOWER, version="1" * 33), "INVALID_ARGUMENT", "version_too_long", "at most 32"),
        (iris(FLOWER, model="roses"), "NOT_FOUND", "model_not_found", "in service: breast-cancer, friedman, iris"),
        (iris(FLOWER, model="../iris"), "NOT_FOUND", "model_not_found", "'../iris'"),
        (iris(FLOWER, version="9"), "NOT_FOUND", "version_not_found", "version '9' of iris is not in service"),
        (iris(FLOWER, version="latest"), "NOT_FOUND", "version_not_found", "in service: 1"),
    ],
)  # fmt: skip
async def test_a_bad_request_is_refused_and_told_why(stub, sent, code, reason, says):
    got_code, got_reason, message = await refusal(stub.Infer(sent, timeout=5))
    assert (got_code, got_reason) == (code, reason)
    assert says in message


async def test_values_beyond_all_reason_are_refused_rather_than_answered_with_nan(stub):
    rows = np.zeros((3, 30), np.float32)
    rows[1] = 3e38
    rows[1, ::2] = -3e38
    code, reason, message = await refusal(stub.Infer(infer(rows), timeout=5))
    assert (code, reason) == ("INVALID_ARGUMENT", "values_too_extreme")
    assert "row 1" in message


async def test_unknown_models_cannot_be_described_or_reloaded(stub):
    for call in (
        stub.GetModel(pb.GetModelRequest(model="roses")),
        stub.ReloadModel(pb.ReloadModelRequest(model="roses")),
    ):
        assert (await refusal(call))[:2] == ("NOT_FOUND", "model_not_found")
    for call in (stub.GetModel(pb.GetModelRequest()), stub.ReloadModel(pb.ReloadModelRequest())):
        assert (await refusal(call))[:2] == ("INVALID_ARGUMENT", "model_empty")


async def test_versions_are_exchanged_under_load_without_losing_a_request(stub, add_version, logistic):
    rows, expected = logistic.held_out[:3], logistic.outputs[:3]
    done, versions = asyncio.Event(), set()

    async def caller():
        while not done.is_set():
            answer = await stub.Infer(infer(rows), timeout=5)
            np.testing.assert_allclose(np.frombuffer(answer.probabilities, "<f4").reshape(3, 2), expected, atol=1e-5)
            versions.add(answer.version)

    callers = [asyncio.create_task(caller()) for _ in range(16)]
    for number in range(2, 8):
        add_version(logistic)
        answer = await stub.ReloadModel(pb.ReloadModelRequest(model="breast-cancer"), timeout=10)
        assert (answer.model.version, answer.previous_version) == (str(number), str(number - 1))
    done.set()
    await asyncio.gather(*callers)
    assert len(versions) > 3
    # Three versions stay; the oldest have gone.
    listed = (await stub.ListModels(pb.ListModelsRequest(), timeout=5)).models
    assert [one.version for one in listed if one.name == "breast-cancer"] == ["7", "6", "5"]


async def test_a_damaged_version_is_refused_by_reload_while_the_previous_answers(
    stub, store_folder, add_version, forest
):
    add_version(forest)
    (store_folder / "iris" / "2" / "model.onnx").write_bytes(b"damaged")
    code, reason, message = await refusal(stub.ReloadModel(pb.ReloadModelRequest(model="iris"), timeout=5))
    assert (code, reason) == ("FAILED_PRECONDITION", "model_rejected")
    assert "version 2 of iris was rejected: model.onnx is damaged" in message
    assert "version 1 keeps answering" in message
    assert (await stub.Infer(iris(FLOWER), timeout=5)).version == "1"


async def test_an_explanation_travels_with_its_prediction(stub, forest):
    rows = np.asarray(forest.held_out[:2], "<f4")
    answer = await stub.Explain(pb.ExplainRequest(model="iris", rows=2, features=rows.tobytes()), timeout=20)
    found = np.frombuffer(answer.prediction.probabilities, "<f4").reshape(2, 3)
    np.testing.assert_allclose(found, forest.outputs[:2], atol=1e-5)
    attributions = np.frombuffer(answer.attributions, "<f8").reshape(2, 3, 4)
    base = np.frombuffer(answer.base_values, "<f8")
    np.testing.assert_allclose(base + attributions.sum(axis=2), found, atol=1e-6)
    assert (answer.exact, answer.background_rows) == (True, 32)
    assert await refusal(stub.Explain(pb.ExplainRequest(model="", rows=1))) == (
        "INVALID_ARGUMENT", "model_empty", "model is empty, name one; ListModels says which there are",
    )  # fmt: skip
    code, reason, _ = await refusal(stub.Explain(pb.ExplainRequest(model="iris", rows=17, features=b"")))
    assert (code, reason) == ("INVALID_ARGUMENT", "rows_out_of_range")
