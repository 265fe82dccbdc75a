"""Executes every notebook from its text; fails with the cell that fails."""

import os
import sys
import tempfile
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[2]


def main():
    os.environ.setdefault("METACASCADE_BIN", str(ROOT / "target/release/metacascade"))
    os.environ["METACASCADE_DATASETS"] = str(ROOT / "datasets")
    failed = False
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        with tempfile.TemporaryDirectory() as runs:
            os.environ["METACASCADE_RUNS"] = runs
            notebook = jupytext.read(path)
            client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": runs}})
            try:
                client.execute()
                print(f"{path.name}: executed")
            except CellExecutionError as error:
                print(f"{path.name}: {error}", file=sys.stderr)
                failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
