"""The same fold on other stream processors, each a process of its own."""
