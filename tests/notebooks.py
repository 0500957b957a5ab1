"""Notebooks without a kernel: their cells are executed one after the other, and their outputs kept.

python -m tests.notebooks examples/published_runs.ipynb
"""

from __future__ import annotations

import ast
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt


def outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute a cell; return its outputs: the figures that it leaves open, else the value of its last expression."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    value = eval(compile(last, "<cell>", "eval"), names) if last else None
    data: dict[str, Any] = {} if value is None else {"text/plain": repr(value).splitlines(keepends=True)}
    if plt.get_fignums():
        picture = io.BytesIO()
        plt.savefig(picture, format="png", dpi=80, bbox_inches="tight", metadata={"Software": None})
        plt.close("all")
        data = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": ["<Figure>"]}
    return [{"output_type": "display_data", "metadata": {}, "data": data}] if data else []


def executed(path: Path) -> dict[str, Any]:
    """Return a notebook with the outputs that its cells have now."""
    mpl.use("Agg")
    notebook: dict[str, Any] = json.loads(path.read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs("".join(cell["source"]), names)
    return notebook


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        Path(argument).write_text(json.dumps(executed(Path(argument)), indent=1, ensure_ascii=False) + "\n")
