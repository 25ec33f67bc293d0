"""What delivery decides: signatures, schedule, addresses, payloads. Pure."""
