"""Real Kafka, Redis and ClickHouse as local processes, from pip packages alone."""
