"""What every Whitebox service needs once: settings, logs, traces, metrics, gRPC, Kafka, errors."""
