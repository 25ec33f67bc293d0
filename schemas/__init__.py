"""What travels between services: every message, topic and header, and nothing else."""
