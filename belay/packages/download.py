# SPDX-License-Identifier: Apache-2.0
"""Bytes of the web: again after faults, never more than asked for, tokens only to their host.

Redirects are followed here and not by ``requests``, so that each hop is looked at: it may go from
http to https but to no other scheme and never back, and what proves who we are is chosen anew for
the host that is asked.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError
from urllib3.util.retry import Retry

from belay.errors import DownloadError, PackageNotFoundError

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = [
    "MOST_BYTES",
    "Downloader",
    "Memory",
    "NothingThereError",
    "Progress",
    "public_url",
    "tokens_of_environment",
]

MOST_BYTES = 64 << 20
"""Bytes of one answer, unless a caller asks for fewer."""

LONGEST_WAIT = 60.0
"""Seconds that a server may ask us to wait."""

_HOPS = 10
_CHUNK = 1 << 16
_TIMEOUT = (10.0, 30.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOTHING_THERE = frozenset({404, 410})

Progress = Callable[[str, int, int], None]
"""``progress(url, done, size)`` in bytes; -1: the size is not known. Called by any thread."""

Tokens = Mapping[str, tuple[str, str]]
"""By origin, ``"https://host"`` or ``"https://host:port"``: the header that says who we are."""


class Memory(Protocol):
    """What keeps answers; :class:`belay.packages.store.Store` is one. Called by several threads."""

    def remember(self, url: str, data: bytes | None) -> None:
        """Keep what is under a URL now; None: nothing."""

    def recall(self, url: str) -> bytes | None:
        """What was under it when it was asked for last; None: nothing.

        Raises:
            LookupError: that is not known.
        """


class NothingThereError(DownloadError, PackageNotFoundError):
    """The server answers, and has nothing under this URL."""


def tokens_of_environment(variables: Mapping[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """The headers for the hosts whose tokens the environment holds.

    ``GITHUB_TOKEN`` or ``GH_TOKEN``, ``GITLAB_TOKEN``, ``CODEBERG_TOKEN``.

    Args:
        variables: ``os.environ`` by default.
    """
    known = os.environ if variables is None else variables
    tokens: dict[str, tuple[str, str]] = {}
    if token := known.get("GITHUB_TOKEN") or known.get("GH_TOKEN"):
        for host in ("api.github.com", "raw.githubusercontent.com", "codeload.github.com"):
            tokens[f"https://{host}"] = ("Authorization", f"Bearer {token}")
        # Where git itself asks, a token is a password.
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        tokens["https://github.com"] = ("Authorization", f"Basic {basic}")
    if token := known.get("GITLAB_TOKEN"):
        tokens["https://gitlab.com"] = ("PRIVATE-TOKEN", token)
    if token := known.get("CODEBERG_TOKEN"):
        tokens["https://codeberg.org"] = ("Authorization", f"token {token}")
    return tokens


def public_url(url: str) -> str:
    """A URL without its user and password, as messages and locks have it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that is none"
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Downloader:
    """Gets what is on the web; for use by several threads, and as a context manager.

    Proxies are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``), certificates too
    (``REQUESTS_CA_BUNDLE``).

    Args:
        offline: ask nobody: give what is remembered, refuse all else.
        connections: to one host, that are kept open.
        attempts: of each download, the first one included.
        deadline: seconds for one download with all its attempts.
        tokens: by origin; from the environment by default.
        progress: is told how far each download is.
        memory: keeps what came, for when there is no network.
        pause: waits so many seconds between attempts; a test's seam.
    """

    def __init__(
        self,
        *,
        offline: bool = False,
        connections: int = 8,
        attempts: int = 4,
        deadline: float = 300.0,
        tokens: Tokens | None = None,
        progress: Progress | None = None,
        memory: Memory | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.offline = offline
        self._memory = memory
        self._deadline = deadline
        self._tokens = tokens_of_environment() if tokens is None else tokens
        self._progress = progress
        self._stopped = threading.Event()
        self._pause = self._stopped.wait if pause is None else pause
        self._retry = Retry(
            total=attempts - 1,
            backoff_factor=0.5,
            status_forcelist=_AGAIN,
            allowed_methods=frozenset({"GET"}),
        )
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": "belay", "Accept-Encoding": "identity"})
        adapter = HTTPAdapter(pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way, and close all connections."""
        self._stopped.set()
        self._session.close()

    def get(self, url: str, *, most: int = MOST_BYTES, accept: str = "") -> bytes:
        """What is under a URL.

        Args:
            url: http or https.
            most: bytes that there may be.
            accept: the type that is asked for.

        Raises:
            NothingThereError: the server has nothing there.
            DownloadError: it cannot be had, or is larger.
        """
        _check_scheme(url)
        if self.offline:
            return self._recalled(url)
        try:
            return self._persist(url, most, accept)
        except DownloadError:
            if self._progress is not None:
                self._progress(public_url(url), 0, 0)  # it is over
            raise

    def _persist(self, url: str, most: int, accept: str) -> bytes:
        if self._stopped.is_set():
            raise DownloadError(f"{public_url(url)} was given up", url=public_url(url))
        until = time.monotonic() + self._deadline
        retry = self._retry
        while True:
            try:
                data = self._attempt(url, most, accept, until)
                self._remember(url, data)
                return data
            except NothingThereError:
                self._remember(url, None)
                raise
            except _AgainError as fault:
                try:
                    retry = retry.increment("GET", url, error=ProtocolError(fault.reason))
                except MaxRetryError as error:
                    raise self._gave_up(url, fault) from error
                seconds = retry.get_backoff_time() if fault.after is None else fault.after
                if time.monotonic() + seconds > until:
                    raise self._gave_up(url, fault) from fault
                self._pause(seconds)
                if self._stopped.is_set():
                    raise self._gave_up(url, fault) from fault

    def _remember(self, url: str, data: bytes | None) -> None:
        if self._memory is not None:
            self._memory.remember(url, data)

    def _recalled(self, url: str) -> bytes:
        shown = public_url(url)
        try:
            if self._memory is None:
                raise LookupError
            data = self._memory.recall(url)
        except LookupError:
            message = f"{shown} is not in the store, and --offline forbids to ask for it"
            raise DownloadError(message, url=shown) from None
        if data is None:
            raise NothingThereError(f"nothing was at {shown} when it was asked for", url=shown)
        return data

    def get_json(self, url: str, *, most: int = 16 << 20, accept: str = "") -> Any:
        """The JSON under a URL.

        Raises:
            DownloadError: as :meth:`get`, or it is no JSON.
        """
        return read_json(self.get(url, most=most, accept=accept), public_url(url))

    def _attempt(self, url: str, most: int, accept: str, until: float) -> bytes:
        headers = {"Accept": accept} if accept else {}
        here = url
        for _ in range(_HOPS):
            try:
                with self._ask(here, headers) as response:
                    if response.status_code not in _REDIRECTS:
                        return self._body(response, url, most, until)
                    there = response.headers.get("Location", "")
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                if isinstance(error, (requests.exceptions.SSLError, ValueError)):
                    message = f"{public_url(here)}: {error}"
                    raise DownloadError(message, url=public_url(url)) from error
                raise _AgainError(_reason(error)) from error
            here = _redirected(here, there)
        message = f"{public_url(url)} is redirected more than {_HOPS} times"
        raise DownloadError(message, url=public_url(url))

    def _ask(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        token = self._tokens.get(_origin(url))
        return self._session.get(
            url,
            headers={**headers, token[0]: token[1]} if token else dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=_TIMEOUT,
        )

    def _body(self, response: requests.Response, url: str, most: int, until: float) -> bytes:
        shown = public_url(url)
        status = response.status_code
        if status in _AGAIN:
            raise _AgainError(f"the server answers {_status(response)}", _retry_after(response))
        if status in _NOTHING_THERE:
            raise NothingThereError(f"nothing is at {shown} ({_status(response)})", url=shown)
        if status != 200:
            hint = _token_hint(url) if status in (401, 403) else ""
            raise DownloadError(f"{shown}: the server answers {_status(response)}{hint}", url=shown)
        size = _length(response)
        too_large = DownloadError(f"{shown} is larger than {most:,} bytes", url=shown)
        if size > most:
            raise too_large
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > most:
                raise too_large
            if self._stopped.is_set():
                raise DownloadError(f"{shown} was given up", url=shown)
            if time.monotonic() > until:
                message = f"{shown} is not there after {self._deadline:.0f} s"
                raise DownloadError(message, url=shown)
            if self._progress is not None:
                self._progress(shown, len(body), size)
        if size < 0 and self._progress is not None:
            self._progress(shown, len(body), len(body))  # now it is known
        if size >= 0 and len(body) != size:  # urllib3 before 2 does not look
            raise _AgainError(f"the answer ends after {len(body):,} of {size:,} bytes")
        return bytes(body)

    def _gave_up(self, url: str, fault: _AgainError) -> DownloadError:
        shown = public_url(url)
        return DownloadError(f"{shown} cannot be had: {fault.reason}", url=shown)


class _AgainError(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


def read_json(data: bytes, where: str) -> Any:
    """The value of JSON text.

    Args:
        data: in UTF-8.
        where: it is from, for the message.

    Raises:
        DownloadError: it is no JSON.
    """
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise DownloadError(f"{where} is no JSON: {error}", url=where) from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    plain = {"https": 443, "http": 80}.get(parts.scheme) == parts.port or parts.port is None
    return f"{parts.scheme}://{host}" if plain else f"{parts.scheme}://{host}:{parts.port}"


def _check_scheme(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise DownloadError(f"{url!r} is no URL that begins with http:// or https://", url=url)


def _redirected(here: str, there: str) -> str:
    with contextlib.suppress(ValueError):  # what it is not is said next
        there = urljoin(here, there)
    _check_scheme(there)
    if urlsplit(here).scheme == "https" and urlsplit(there).scheme != "https":
        message = f"{public_url(here)} is redirected to {public_url(there)}, which is not secure"
        raise DownloadError(message, url=public_url(here))
    return there


def _length(response: requests.Response) -> int:
    text = response.headers.get("Content-Length", "")
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    return int(text) if plain and text.isascii() and text.isdigit() else -1


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return min(max(0.0, Retry().parse_retry_after(text)), LONGEST_WAIT)
    except HTTPError:  # neither seconds nor a date
        return None


def _status(response: requests.Response) -> str:
    return f"{response.status_code} {response.reason or ''}".strip()


def _token_hint(url: str) -> str:
    host = urlsplit(url).hostname or ""
    for part, variable in (("github", "GITHUB_TOKEN"), ("gitlab", "GITLAB_TOKEN")):
        if part in host:
            return f" (a token in {variable} may be needed, or the right to read)"
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection to the server"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer breaks off"
    return str(error) or type(error).__name__
