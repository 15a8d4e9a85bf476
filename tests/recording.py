"""What real services answer to the calls that matter here, recorded, for the fakes to answer alike.

`make test-openstack` makes the calls anew and compares; with RECORD=1 it records them anew.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_TIMES = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00Z")


@dataclass(frozen=True)
class Recording:
    """One file of answers by their titles, each with `status` and `body`.

    `fading` has a value for each field that differs from run to run, and `patterns` a word for each
    text that does; UUIDs but those `kept` are `UUID`."""

    file: Path
    fading: Mapping[str, Any]
    patterns: Mapping[str, str]
    kept: tuple[str, ...] = ()

    def load(self) -> dict[str, Any]:
        recorded: dict[str, Any] = json.loads(self.file.read_text())
        return recorded

    def check(self, answers: Mapping[str, Any], names: Iterable[str] = ()) -> None:
        """These answers (of requests) are the recorded ones; `names` are made up for this run."""
        seen = {title: self._seen(answer, names) for title, answer in answers.items()}
        if os.environ.get("RECORD"):
            self.file.write_text(json.dumps(seen, indent=1, sort_keys=True) + "\n")
        assert seen == self.load()

    def _seen(self, answer: Any, names: Iterable[str]) -> dict[str, Any]:
        text = answer.text
        for name in names:
            text = text.replace(name, "NAME")
        text = _UUID.sub(lambda found: found[0] if found[0] in self.kept else "UUID", text)
        for pattern, word in self.patterns.items():
            text = re.sub(pattern, word, text)
        is_json = "json" in answer.headers.get("Content-Type", "")
        body = self._steady(json.loads(text)) if text and is_json else text or None
        return {"status": answer.status_code, "body": body}

    def _steady(self, value: Any) -> Any:
        if isinstance(value, dict):
            fading = {**_TIMES, **self.fading}
            return {key: fading.get(key, self._steady(value[key])) for key in sorted(value)}
        if isinstance(value, list):
            return [self._steady(entry) for entry in value]
        return value
