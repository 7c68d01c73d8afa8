"""One module per external thing: Redis, Parquet files, the database."""
