from collections.abc import Sequence

import pytest
from whitebox_llm.catalogue import Catalogue
from whitebox_llm.engine import ModelInfo
from whitebox_runtime.errors import NotFound, Unavailable


class Listing:
    """An engine that only lists."""

    name = "openai"

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked = 0

    async def list_models(self) -> Sequence[ModelInfo]:
        self.asked += 1
        return [ModelInfo(name, self.name) for name in self.names]


def catalogue(listing: Listing, default: str = "") -> tuple[Catalogue, list[float]]:
    now = [0.0]
    return Catalogue(listing, default, clock=lambda: now[0]), now


async def test_the_engines_first_model_is_the_default() -> None:
    known, _ = catalogue(Listing("b", "a"))
    assert (await known.resolve("")).name == "b"
    assert [model.name for model in await known.models()] == ["b", "a"]


async def test_a_configured_default_comes_first() -> None:
    known, _ = catalogue(Listing("b", "a"), "a")
    assert (await known.resolve("")).name == "a"
    assert [model.name for model in await known.models()] == ["a", "b"]


async def test_the_engine_is_not_asked_each_time() -> None:
    listing = Listing("a")
    known, now = catalogue(listing)
    for _ in range(5):
        await known.resolve("a")
    assert listing.asked == 1
    now[0] = 31
    await known.resolve("a")
    assert listing.asked == 2


async def test_an_adapter_loaded_a_moment_ago_is_found() -> None:
    listing = Listing("a")
    known, now = catalogue(listing)
    await known.resolve("a")
    listing.names.append("a-lora")
    now[0] = 2
    assert (await known.resolve("a-lora")).name == "a-lora"


async def test_unknown_names_do_not_flood_the_engine() -> None:
    listing = Listing("a")
    known, _ = catalogue(listing)
    for _ in range(10):
        with pytest.raises(NotFound, match="no model 'x'; there is 'a'"):
            await known.resolve("x")
    assert listing.asked == 1


async def test_a_default_that_the_engine_does_not_have_is_named() -> None:
    known, _ = catalogue(Listing("a"), "mine")
    with pytest.raises(NotFound, match="no model 'mine'"):
        await known.resolve("")


async def test_an_engine_without_models_is_unavailable() -> None:
    known, _ = catalogue(Listing())
    with pytest.raises(Unavailable):
        await known.resolve("")
