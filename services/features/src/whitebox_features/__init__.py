"""The feature store: Redis online, Parquet offline, Kafka streams."""
