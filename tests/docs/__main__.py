"""`python -m tests.docs PAGE [HEADING]`: follows a page and shows what is seen at each step, for who writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.page import Step, section_of, steps_of
from tests.docs.place import clean_place
from tests.docs.walk import Walk


def tell(step: Step, seen: str) -> None:
    print(f"--- {step.terminal} line {step.at.number}: {step.deed} {step.at.text}\n{seen}", flush=True)


def main(arguments: list[str]) -> int:
    page = Path(arguments[0])
    text = page.read_text(encoding="utf-8")
    if len(arguments) > 1:
        text = section_of(text, arguments[1])
    with clean_place() as place:
        Walk(page=str(page), place=place, told=tell, step_s=60).follow(steps_of(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
