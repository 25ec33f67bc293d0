"""The sections of a snapshot: one file for each, which says a part as schemas.profile has it."""
