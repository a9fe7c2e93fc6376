"""Reads lines of wire text, decodes and encodes each, and prints the text, or ``!`` and the error: for cross tests.

``python -m petiole.roundtrip [--import module]…``: a module that is imported first may register value classes.
"""

from __future__ import annotations

import importlib
import sys
from typing import List, Sequence

from .errors import PetioleError
from .wire import decode, encode


def main(arguments: Sequence[str]) -> int:
    modules: List[str] = []
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option != "--import" or not rest:
            print("usage: python -m petiole.roundtrip [--import module]…", file=sys.stderr)
            return 2
        modules.append(rest.pop(0))
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin.buffer:
        try:
            answer = encode(decode(line.decode("utf-8").rstrip("\n")))
        except PetioleError as error:
            answer = "!" + str(error).replace("\n", " ")
        sys.stdout.buffer.write(answer.encode("utf-8", "backslashreplace") + b"\n")
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
