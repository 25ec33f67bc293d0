"""make fuzz: coverage-guided bytes through all that reads what others send, as atheris makes them.

Nothing may raise, and no verdict may be our own mistake (a call that could not be handled).
"""

from __future__ import annotations

import logging
import os
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["services", "schemas"]):
    from tests.fuzz.entries import corpus, one
    from tests.fuzz.mutations import mutated
    from tests.fuzz.rules import WORDS

SECONDS = int(os.environ.get("RAPPORT_FUZZ_S", "600"))
CORPUS = Path("build/fuzz/corpus")


def changed(data: bytes, size_max: int, seed: int) -> bytes:
    """Every other time JSON that stays whole, else libFuzzer's own change."""
    found = mutated(data, random.Random(seed)) if seed % 2 else None
    if found is None or len(found) > size_max:
        return bytes(atheris.Mutate(data, size_max))
    return found


def main() -> None:
    """Until the time is over; what it learnt stays in build/fuzz."""
    logging.disable(logging.CRITICAL)
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, seed in corpus().items():
        (CORPUS / f"seed-{name}").write_bytes(seed)
    words = CORPUS.parent / "words.dict"
    words.write_text("".join(f'"\\"{word}\\""\n' for word in WORDS), encoding="utf-8")
    options = [
        f"-dict={words}",
        f"-max_total_time={SECONDS}",
        "-max_len=4096",
        "-artifact_prefix=build/fuzz/",
    ]
    atheris.Setup([sys.argv[0], str(CORPUS), *options, *sys.argv[1:]], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
