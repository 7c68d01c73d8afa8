from __future__ import annotations

import sys
from datetime import timedelta
from types import ModuleType

import pytest
from whitebox_features import demo
from whitebox_features.definitions import (
    Aggregation,
    DefinitionError,
    Definitions,
    Entity,
    Feature,
    FeatureView,
    Source,
    load_definitions,
)

HOUR = timedelta(hours=1)
CUSTOMER = Entity("customer")
PAYMENTS = Source("payments", entity="customer", fields=("amount",))
COUNT = Feature("count_1h", Aggregation.COUNT, HOUR)


def view(
    *features: Feature, name: str = "spend", version: int = 1, source: str = "payments", entity: str = "customer"
) -> FeatureView:
    return FeatureView(name, version, source, entity, features or (COUNT,), freshness_limit=HOUR)


def test_the_demo_definitions_hold_the_customer_spend_view():
    spend = load_definitions("whitebox_features.demo").view("customer_spend")
    assert [feature.name for feature in spend.features] == [
        "transaction_count_1h",
        "transaction_sum_1h",
        "transaction_mean_24h",
        "transaction_max_24h",
        "last_amount",
    ]
    assert spend.version == 1


def test_a_bare_name_is_the_newest_version_and_a_pinned_one_stays():
    definitions = Definitions((CUSTOMER,), (PAYMENTS,), (view(version=2), view(version=10), view(version=1)))
    assert definitions.view("spend").version == 10
    assert definitions.view("spend@2").version == 2
    with pytest.raises(KeyError):
        definitions.view("spend@3")


def test_retention_is_the_longest_window_of_any_version_and_ignores_last():
    features = (
        Feature("sum_5h", Aggregation.SUM, 5 * HOUR, "amount"),
        Feature("last", Aggregation.LAST, 90 * HOUR, "amount"),
    )
    definitions = Definitions((CUSTOMER,), (PAYMENTS,), (view(), view(*features, version=2)))
    assert definitions.retention(PAYMENTS) == 5 * HOUR + PAYMENTS.lateness
    assert definitions.longest_window(PAYMENTS) == 90 * HOUR


def test_select_keeps_the_order_asked_for():
    spend = demo.DEFINITIONS.view("customer_spend")
    assert [f.name for f in spend.select(["last_amount", "transaction_sum_1h"])] == [
        "last_amount",
        "transaction_sum_1h",
    ]
    assert spend.select([]) == spend.features
    with pytest.raises(KeyError, match="nothing"):
        spend.select(["nothing"])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Entity("Customer"), "snake_case"),
        (lambda: Entity("c" * 65), "at most 64"),
        (lambda: Source("payments", "customer", ()), "no fields"),
        (lambda: Source("payments", "customer", ("a", "a")), "more than once: a"),
        (lambda: Source("payments", "customer", ("a b",)), "snake_case"),
        (lambda: Source("payments", "customer", tuple(f"f{i}" for i in range(33))), "at most 32"),
        (lambda: Source("payments", "customer", ("a",), lateness=timedelta(0)), "lateness"),
        (lambda: Feature("x", Aggregation.COUNT, timedelta(0)), "more than nothing"),
        (lambda: Feature("x", Aggregation.COUNT, timedelta(days=32)), "at most 31 days"),
        (lambda: Feature("x", Aggregation.COUNT, HOUR, "amount"), "takes no field"),
        (lambda: Feature("x", Aggregation.SUM, HOUR), "needs the field"),
        (lambda: Feature("x", "median", HOUR, "amount"), "unknown aggregation 'median'; use one of count, sum"),
        (lambda: Feature("x", Aggregation.SUM, HOUR, "amount", default=float("nan")), "not finite"),
        (lambda: view(version=0), "version 0"),
        (lambda: FeatureView("v", 1, "payments", "customer", (), HOUR), "no features"),
        (lambda: view(COUNT, COUNT), "more than once: count_1h"),
        (lambda: Definitions((CUSTOMER, CUSTOMER), (), ()), "entity defined more than once"),
        (lambda: Definitions((CUSTOMER,), (PAYMENTS, PAYMENTS), ()), "source defined more than once"),
        (lambda: Definitions((CUSTOMER,), (PAYMENTS,), (view(), view())), "spend@1"),
        (lambda: Definitions((), (PAYMENTS,), ()), "unknown entity 'customer'; none is defined"),
        (
            lambda: Definitions((CUSTOMER,), (PAYMENTS,), (view(source="refunds"),)),
            "unknown source 'refunds'; there is payments",
        ),
        (lambda: Definitions((CUSTOMER, Entity("shop")), (PAYMENTS,), (view(entity="shop"),)), "about 'shop'"),
        (
            lambda: Definitions((CUSTOMER,), (PAYMENTS,), (view(Feature("x", Aggregation.SUM, HOUR, "fee")),)),
            "no field 'fee'; there is amount",
        ),
    ],
)
def test_a_contradiction_is_refused_with_its_reason(build, message):
    with pytest.raises(DefinitionError, match=message):
        build()


def test_a_definitions_module_that_is_missing_or_empty_is_named(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DefinitionError, match="'no_such_module' cannot be imported"):
        load_definitions("no_such_module")
    monkeypatch.setitem(sys.modules, "empty_definitions", ModuleType("empty_definitions"))
    with pytest.raises(DefinitionError, match="'empty_definitions' has no DEFINITIONS"):
        load_definitions("empty_definitions")
