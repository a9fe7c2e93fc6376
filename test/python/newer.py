"""Says what in the files that it is told of needs a Python later than 3.9: syntax, and what 3.10 has added to the library.

What later ones have added, mypy refuses, which checks for 3.10.
"""

import ast
import sys

NAMES = {
    "Concatenate", "EllipsisType", "NoneType", "NotImplementedType", "ParamSpec", "TypeAlias", "TypeGuard", "UnionType",
    "aclosing", "aiter", "anext", "bit_count", "get_annotations", "is_typeddict", "pairwise", "stdlib_module_names",
}  # fmt: skip
KEYWORDS = {"zip": {"strict"}, "dataclass": {"kw_only", "match_args", "slots"}, "field": {"kw_only"}}
KEYWORDS.update({name: {"key"} for name in ("bisect", "bisect_left", "bisect_right", "insort")})


def newer(tree):
    """Places and names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            used = {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            used = {node.attr}
        elif isinstance(node, ast.Name):
            used = {node.id}
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS.get(name, ()):
                    yield node.lineno, f"{name}({keyword.arg}=)"
            continue
        else:
            continue
        for name in used & NAMES:
            yield node.lineno, name


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        found = list(newer(ast.parse(text, path, feature_version=(3, 9))))
    except SyntaxError as error:
        found = [(error.lineno, error.msg)]
    for line, what in found:
        print(f"{path}:{line}: {what}")
