"""The profile API: who somebody is, over HTTP, for those whose key may know."""
