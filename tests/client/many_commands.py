"""Runs `openstack` commands, one JSON list of arguments a line, in one process (a start takes 2 s).

Answers each with a line of JSON: exit code, standard output, standard error."""

import contextlib
import io
import json
import sys

from openstackclient import shell

for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: str | int | None = shell.main(json.loads(line))
        except SystemExit as left:
            code = left.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
