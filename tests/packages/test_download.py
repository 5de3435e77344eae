# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from belay.errors import DownloadError, PackageNotFoundError
from belay.packages.download import (
    Downloader,
    NothingThereError,
    public_url,
    tokens_of_environment,
)
from belay.packages.parallel import in_parallel
from belay.packages.store import Store
from tests.packages.server import CUT, SILENT, Reply, Server

BODY = bytes(range(256)) * 400


class Pauses(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.mark.parametrize(
    "faults",
    [[], [500], [429, 503], [CUT], [SILENT], [CUT, 500, SILENT], [Reply(b"", 429)]],
    ids=str,
)
def test_faults_that_pass(server: Server, faults: list[int | str | Reply]) -> None:
    url = server.give("/a.py", BODY, faults=faults)
    with Downloader(pause=Pauses()) as downloader:
        assert downloader.get(url) == BODY
    assert server.times("/a.py") == len(faults) + 1


@pytest.mark.parametrize("fault", [500, 429, CUT, SILENT])
def test_faults_that_stay(server: Server, fault: int | str) -> None:
    url = server.give("/a.py", BODY, faults=[fault] * 9)
    with Downloader(attempts=3, pause=Pauses()) as downloader, pytest.raises(DownloadError) as info:
        downloader.get(url)
    assert info.value.url == url
    assert server.times("/a.py") == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("86400", 60.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", 0.0)],
)
def test_retry_after(server: Server, text: str, seconds: float) -> None:
    url = server.give("/a.py", BODY, faults=[Reply(b"", 429, {"Retry-After": text})])
    pauses = Pauses()
    with Downloader(pause=pauses) as downloader:
        downloader.get(url)
    assert pauses == [seconds]


def test_nothing_there_is_asked_once(server: Server) -> None:
    with Downloader() as downloader, pytest.raises(PackageNotFoundError, match="404"):
        downloader.get(server.url + "/nothing")
    assert server.times("/nothing") == 1


def test_no_larger_than_asked_for(server: Server) -> None:
    url = server.give("/a.py", BODY)
    told = server.give("/b.py", BODY, headers={"Transfer-Encoding": "chunked"})
    server.give(
        "/b.py",
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        headers={"Transfer-Encoding": "chunked"},
    )
    with Downloader() as downloader:
        assert downloader.get(url, most=len(BODY)) == BODY
        for each in (url, told):
            with pytest.raises(DownloadError, match="larger than"):
                downloader.get(each, most=len(BODY) - 1)


@pytest.mark.parametrize(
    "there",
    ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x", "javascript:1", "//", "http://[", ""],
)
def test_redirects_that_are_refused(server: Server, there: str) -> None:
    url = server.give("/a", status=302, headers={"Location": there})
    with Downloader() as downloader, pytest.raises(DownloadError):
        downloader.get(url)


def test_never_from_https_to_http() -> None:
    from belay.packages.download import _redirected

    assert _redirected("http://a/", "https://b/") == "https://b/"
    with pytest.raises(DownloadError, match="not secure"):
        _redirected("https://a/", "http://a/")


def test_a_redirect_keeps_the_token_at_its_host(server: Server) -> None:
    with Server() as other:
        last = other.give("/b", BODY)
        server.give("/back", status=302, headers={"Location": last})
        url = server.give("/a", status=301, headers={"Location": "/back", "Set-Cookie": "a=b"})
        tokens = {server.url: ("Authorization", "Bearer secret")}
        with Downloader(tokens=tokens) as downloader:
            assert downloader.get(url) == BODY
        assert [asked.headers.get("authorization") for asked in server.asked] == [
            "Bearer secret",
            "Bearer secret",
        ]
        assert [asked.headers.get("authorization") for asked in other.asked] == [None]
        assert not any("cookie" in asked.headers for asked in server.asked + other.asked)


def test_a_ring_of_redirects_ends(server: Server) -> None:
    url = server.give("/a", status=302, headers={"Location": "/a"})
    with Downloader() as downloader, pytest.raises(DownloadError, match="more than 10"):
        downloader.get(url)


def test_tokens_of_the_environment_are_for_https_hosts() -> None:
    tokens = tokens_of_environment(
        {"GITHUB_TOKEN": "a", "GITLAB_TOKEN": "b", "CODEBERG_TOKEN": "c", "OTHER_TOKEN": "d"}
    )
    assert all(origin.startswith("https://") for origin in tokens)
    assert tokens["https://gitlab.com"] == ("PRIVATE-TOKEN", "b")
    assert tokens_of_environment({}) == {}


def test_passwords_are_not_in_messages(server: Server) -> None:
    url = server.url.replace("//", "//me:secret@") + "/a"
    with Downloader() as downloader, pytest.raises(DownloadError) as info:
        downloader.get(url)
    assert "secret" not in str(info.value) + info.value.url
    assert public_url("https://a:b@host:8/x?y#z") == "https://host:8/x?y#z"


def test_offline_asks_for_nothing(server: Server) -> None:
    url = server.give("/a", BODY)
    with Downloader(offline=True) as downloader, pytest.raises(DownloadError, match="--offline"):
        downloader.get(url)
    assert not server.asked


def test_how_far_it_is(server: Server) -> None:
    urls = [server.give(f"/{n}", f"{n}".encode() * 1000) for n in range(20)]
    chunked = {"Transfer-Encoding": "chunked"}
    urls.append(server.give("/unknown", b"5\r\nhello\r\n0\r\n\r\n", headers=chunked))
    seen: dict[str, tuple[int, int]] = {}
    with Downloader(
        pause=Pauses(), progress=lambda url, done, size: seen.update({url: (done, size)})
    ) as downloader:
        got = in_parallel(downloader.get, urls)
    assert got == [*(f"{n}".encode() * 1000 for n in range(20)), b"hello"]
    assert seen == {url: (len(data),) * 2 for url, data in zip(urls, got, strict=True)}


def test_what_was_asked_is_remembered(server: Server, tmp_path: Path) -> None:
    url, missing, store = server.give("/a", BODY), server.url + "/missing", Store(tmp_path)
    with Downloader(memory=store) as downloader:
        assert downloader.get(url) == BODY
        with pytest.raises(NothingThereError):
            downloader.get(missing)
    asked = len(server.asked)
    with Downloader(memory=store, offline=True) as downloader:
        assert downloader.get(url) == BODY
        with pytest.raises(NothingThereError, match="when it was asked"):
            downloader.get(missing)
        with pytest.raises(DownloadError, match="--offline"):
            downloader.get(server.url + "/other")
        store.path(hashlib.sha256(BODY).hexdigest()).write_bytes(b"damaged")
        with pytest.raises(DownloadError, match="--offline"):
            downloader.get(url)
    assert len(server.asked) == asked


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_none(server: Server, body: bytes) -> None:
    url = server.give("/a.json", body)
    with Downloader() as downloader, pytest.raises(DownloadError, match="no JSON"):
        downloader.get_json(url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "http:///x", "http://a:b/"])
def test_only_the_web(url: str) -> None:
    with Downloader() as downloader, pytest.raises(DownloadError, match="http://"):
        downloader.get(url)


def test_a_slow_server_has_a_deadline(server: Server) -> None:
    url = server.give("/a", BODY)
    with Downloader(deadline=0.0) as downloader, pytest.raises(DownloadError, match="after 0 s"):
        downloader.get(url)
