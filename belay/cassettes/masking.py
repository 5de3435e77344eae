# SPDX-License-Identifier: Apache-2.0
"""Secrets, which must not get into a file that is committed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["MASK", "Masks", "is_asked_secretly"]

MASK = "«secret»"
"""Stands where a secret was. On replay it goes for any text."""

_WORD = r"(?:passw\w*|passphrase|passwd|pass|psk|secret\w*|token\w*|api_?key\w*|private_?key\w*)"
_QUOTED = r"[bur]?(?P<quote>['\"])(?P<secret>(?:(?!(?P=quote))[^\\\n]|\\.)+)(?P=quote)"
_ASSIGNED = re.compile(rf"(?i)\b\w*?{_WORD}\b['\"]?\]?\s*[=:]\s*{_QUOTED}")
_JOINED = re.compile(rf"\.connect\(\s*[^,()]+,\s*{_QUOTED}")
"""``wlan.connect("network", "password")``."""

_NAMED = re.compile(rf"(?i)\w*?{_WORD}")
_ASKED = re.compile(rf"(?i)\b(?:{_WORD}|pin)\b\W*\Z")
SHORTEST = 4
"""Characters of a secret that was found: shorter ones occur everywhere."""


class Masks:
    """The secrets that are known, and those that are found in what a program sends.

    A secret is found where source text gives it to a name such as ``password``, ``token`` or
    ``api_key``, in a keyword argument or a dict with such a key, and in ``wlan.connect(…, "…")``.

    Args:
        secrets: texts that must not be written.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: dict[str, bytes] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """From now on this text is masked."""
        if secret and secret not in self._secrets:
            known = {**self._secrets, secret: secret.encode("utf-8", "replace")}
            # The longest first: one may be a part of another. And a new dict: other threads read.
            self._secrets = dict(sorted(known.items(), key=lambda one: -len(one[0])))

    def learn(self, value: Any) -> None:
        """Look for secrets in a source or in arguments."""
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            for pattern in (_ASSIGNED, _JOINED):
                for match in pattern.finditer(value):
                    self._found(match["secret"])
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.learn(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str) and isinstance(item, str) and _NAMED.fullmatch(key):
                    self._found(item)
                else:
                    self.learn(item)

    def _found(self, secret: str) -> None:
        if len(secret) >= SHORTEST and MASK not in secret:
            self.add(secret)

    def text(self, text: str) -> str:
        """A text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def data(self, data: bytes) -> bytes:
        """Bytes without them."""
        for secret in self._secrets.values():
            data = data.replace(secret, MASK.encode())
            data = _without_edges(data, secret)
        return data

    def same_size(self, data: bytes) -> bytes:
        """Bytes without them, and as long as before."""
        for secret in self._secrets.values():
            data = data.replace(secret, b"*" * len(secret))
        return data

    def value(self, value: Any) -> Any:
        """A value without them; of a type that holds none it is the same object."""
        kind = type(value)
        if not self._secrets:
            return value
        if kind is str:
            return self.text(value)
        if kind in (bytes, bytearray):
            return kind(self.data(bytes(value)))
        if kind in (list, tuple, set, frozenset):
            return kind(self.value(item) for item in value)
        if kind is dict:
            return {self.value(key): self.value(item) for key, item in value.items()}
        return value


def _without_edges(data: bytes, secret: bytes) -> bytes:
    """Bytes without a part of a secret at an end, where they are a piece of something."""
    for size in range(len(secret) - 1, SHORTEST - 1, -1):
        if data.endswith(secret[:size]):
            data = data[:-size] + MASK.encode()
        if data.startswith(secret[-size:]):
            data = MASK.encode() + data[size:]
    return data


def is_asked_secretly(prompt: bytes) -> bool:
    """Whether what a board has printed asks for a secret, such as ``Password:``."""
    last = prompt.decode("utf-8", "replace").rpartition("\n")[2]
    return bool(_ASKED.search(last))
