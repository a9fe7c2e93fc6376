"""What the README shows."""

from __future__ import annotations

import doctest
import re
from datetime import datetime, timezone
from pathlib import Path

import petiole


def test_the_examples_of_the_wire() -> None:
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    example = re.search(r"```python\n(>>> .*?)```", text, re.DOTALL)
    assert example
    names = {"petiole": petiole, "datetime": datetime, "timezone": timezone}
    test = doctest.DocTestParser().get_doctest(example[1], names, "README", "README.md", 0)
    runner = doctest.DocTestRunner()
    assert runner.run(test).failed == 0


def test_links_within_it() -> None:
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    assert {link for link in re.findall(r"\]\(#([\w-]+)\)", text)} <= headings
