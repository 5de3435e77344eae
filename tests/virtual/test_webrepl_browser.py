# SPDX-License-Identifier: Apache-2.0
"""A browser's WebSocket, as MicroPython's own WebREPL page uses it, on the virtual board."""

from __future__ import annotations

import os

import pytest

from tests.virtual.webreplclient import webrepl_board

if not os.environ.get("CI"):  # there, what is missing is a failure
    pytest.importorskip("playwright", reason="no playwright: `make test` installs it")
from playwright import sync_api

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Types, transfers a file there and back, and prints more than a frame holds, in two-byte letters.
SCRIPT = """
async ([port, password]) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.binaryType = 'arraybuffer';
  let text = '', binary = [], wake = () => {}, failed = '';
  socket.onmessage = event => {
    if (event.data instanceof ArrayBuffer) binary.push(new Uint8Array(event.data));
    else text += event.data;
    wake();
  };
  socket.onclose = event => { failed = `closed with ${event.code}`; wake(); };
  const until = async condition => {
    while (!condition()) {
      if (failed) throw new Error(failed);
      await new Promise(resolve => { wake = resolve; });
    }
  };
  const read = async mark => {
    await until(() => text.includes(mark));
    const end = text.indexOf(mark) + mark.length, head = text.slice(0, end);
    text = text.slice(end);
    return head;
  };
  const answer = async () => { await until(() => binary.length); return [...binary.shift()]; };
  const request = (kind, name, size) => {
    const header = new Uint8Array(82), view = new DataView(header.buffer);
    header.set([87, 65, kind]);
    view.setUint32(12, size, true);
    view.setUint16(16, name.length, true);
    header.set(new TextEncoder().encode(name), 18);
    socket.send(header);
  };
  await read('Password: ');
  socket.send(password + '\\r');
  await read('>>> ');
  const data = new Uint8Array(1500).map((_, at) => at % 251);
  request(1, 'file', data.length);
  const answers = [await answer()];
  for (let at = 0; at < data.length; at += 1024) socket.send(data.slice(at, at + 1024));
  answers.push(await answer());
  request(2, 'file', 0);
  answers.push(await answer());
  const back = [];
  for (;;) {
    socket.send(new Uint8Array(1));
    const piece = await answer();
    if (piece.length === 2) break;
    back.push(...piece.slice(2));
  }
  answers.push(await answer());
  socket.send("print('x' + chr(233) * 20000)\\r");
  await read('20000)\\r\\n');
  const printed = await read('>>> ');
  return [answers, back.join() === [...data].join(), printed];
}
"""


def test_a_browser(chromium: str) -> None:
    with webrepl_board("--password", "secret99") as (port, _), sync_api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            answers, same, printed = page.evaluate(SCRIPT, [port, "secret99"])
        finally:
            browser.close()
    assert answers == [[87, 66, 0, 0]] * 4
    assert same
    assert printed.split() == ["x" + "é" * 20_000, ">>>"]
