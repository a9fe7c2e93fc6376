"""The project's vectors: texts of version 1, what each stands for, and texts that every decoder refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from describe import value_of
from same import difference

from petiole.errors import DecodeError
from petiole.wire import decode, encode

FOLDER = Path(__file__).resolve().parents[2] / "test" / "wire" / "vectors"
if not FOLDER.is_dir():
    pytest.skip("the vectors are in the project's repository, not in the package", allow_module_level=True)


def read(name: str, part: str) -> List[Any]:
    vectors: List[Any] = json.loads((FOLDER / name).read_text("utf-8"))[part]
    return vectors


VALUES = read("v1-values.json", "vectors")
REFUSED = read("v1-refused.json", "refused")


@pytest.mark.parametrize("vector", VALUES, ids=lambda vector: vector["name"])
def test_value(vector: Any) -> None:
    value = value_of(vector["value"])
    if vector["name"] == "a number in another spelling":
        # JavaScript has one kind of number; in Python it is a float where the text has a point or an exponent.
        value = float(value)
    assert difference(value, decode(vector["text"])) is None
    if vector["canonical"]:
        assert encode(value) == vector["text"]
    # Whatever way the encoder chooses, it stands for the same, and so does what was decoded.
    assert difference(value, decode(encode(value))) is None
    assert difference(value, decode(encode(decode(vector["text"])))) is None


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["name"][:80])
def test_refused(vector: Any) -> None:
    with pytest.raises(DecodeError):
        decode(vector["text"])


def test_names_differ() -> None:
    for vectors in (VALUES, REFUSED):
        names = [vector["name"] for vector in vectors]
        assert len(names) > 100
        assert len(set(names)) == len(names)
