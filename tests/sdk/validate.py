"""Runs the validators in the SDKs' interpreter: lines of JSON in, an answer each, until standard input ends.

An order is ``[module, arguments, text]``; the answer ``[exit code, what was printed]``. The libraries take
seconds to load, so one process serves all tests of a worker.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import traceback
import warnings


def carry_out(module: str, arguments: list[str], text: str) -> tuple[int, str]:
    """One validator's ``main`` with these arguments and this standard input."""
    out = io.StringIO()
    kept = sys.argv, sys.stdin
    sys.argv, sys.stdin = [module, *arguments], io.StringIO(text)
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            code: int = importlib.import_module(module).main()
    except BaseException:
        code = 3
        traceback.print_exc(file=out)
    finally:
        sys.argv, sys.stdin = kept
    return code, out.getvalue()


if __name__ == "__main__":
    for order in sys.stdin:
        print(json.dumps(carry_out(*json.loads(order))), flush=True)
