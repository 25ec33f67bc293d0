"""ClickHouse's HTTP protocol in front of chdb: the real engine in one local process."""
