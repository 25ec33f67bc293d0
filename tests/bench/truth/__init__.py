"""Who is who in a generated truth: precision and recall of the identity graph, and of splink."""
