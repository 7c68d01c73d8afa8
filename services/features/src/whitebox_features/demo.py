"""The definitions that ship with the demo: what a customer spends.

A deployment of one's own writes a module like this one and sets WHITEBOX_FEATURES_DEFINITIONS to its path.
"""

from __future__ import annotations

from datetime import timedelta

from whitebox_features.definitions import Aggregation, Definitions, Entity, Feature, FeatureView, Source

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

DEFINITIONS = Definitions(
    entities=(Entity("customer", description="Someone who buys"),),
    sources=(
        Source(
            "transactions",
            entity="customer",
            fields=("amount",),
            description="Payments, amount in the account's currency",
        ),
    ),
    views=(
        FeatureView(
            "customer_spend",
            version=1,
            source="transactions",
            entity="customer",
            freshness_limit=6 * _HOUR,
            description="How much and how often a customer pays",
            features=(
                Feature("transaction_count_1h", Aggregation.COUNT, _HOUR, description="Payments in the last hour"),
                Feature("transaction_sum_1h", Aggregation.SUM, _HOUR, "amount", description="Sum of the last hour"),
                Feature("transaction_mean_24h", Aggregation.MEAN, _DAY, "amount", description="Mean of the last day"),
                Feature("transaction_max_24h", Aggregation.MAX, _DAY, "amount", description="Largest of the last day"),
                Feature("last_amount", Aggregation.LAST, 7 * _DAY, "amount", description="Newest of the last week"),
            ),
        ),
    ),
)
