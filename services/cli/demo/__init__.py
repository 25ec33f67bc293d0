"""The demo: real purchases and seeded mess through the whole pipeline, checked against a ledger."""
