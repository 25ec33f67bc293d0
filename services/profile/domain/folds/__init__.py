"""How each family of touchpoints changes a part; table.py says which fold a kind has."""
