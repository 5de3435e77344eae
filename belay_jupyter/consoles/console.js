// SPDX-License-Identifier: Apache-2.0
// A terminal (xterm.js) on a board's prompt. Its code comes from the kernel with the first message,
// so that notebooks which keep the state of their widgets do not each hold a copy of it.

const STATES = {
  idle: "cells have the board; type to use its prompt",
  here: "the prompt has the board",
  waiting: "waits: a cell runs on the board (Ctrl-C stops it)",
  lost: "the link has ended",
  closed: "closed",
};
const ROWS = 16;

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

const bytes = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

// One copy for all consoles of a page.
function library(code) {
  globalThis.__belay_xterm ??= (async () => {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    try {
      return await import(/* webpackIgnore: true */ url);
    } finally {
      URL.revokeObjectURL(url);
    }
  })();
  return globalThis.__belay_xterm;
}

// ---- colours: those of the page

function colours(root) {
  const style = getComputedStyle(root);
  const named = (name, other) => style.getPropertyValue(name).trim() || other;
  const ink = style.color;
  const dark = brightness(ink) > 128;
  const ground = named("--jp-cell-editor-background", named("--jp-layout-color1", dark ? "#111111" : "#ffffff"));
  return {
    dark,
    theme: {
      background: ground,
      foreground: named("--jp-content-font-color1", ink),
      cursor: named("--jp-ui-font-color1", ink),
      cursorAccent: ground,
      selectionBackground: dark ? "#3b5b80" : "#b3d4fc",
      ...(dark ? {} : { yellow: "#8a6d00", brightYellow: "#8a6d00", white: "#555555", brightWhite: "#333333",
        green: "#1a7f37", brightGreen: "#1a7f37", cyan: "#0b7285", brightCyan: "#0b7285", black: "#000000" }),
      ...(dark ? { green: "#56d364", red: "#ff7b72", blue: "#79b8ff", magenta: "#d2a8ff", cyan: "#56d4dd" } : {}),
    },
  };
}

function brightness(colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

// ---- a view

class View {
  constructor(data, el) {
    this.data = data;
    this.root = element("div", "belay-console");
    const bar = element("div", "belay-console-bar");
    this.title = element("b");
    this.state = element("span");
    this.state.setAttribute("role", "status");
    const stop = element("button", "belay-console-push", "Interrupt");
    stop.type = "button";
    stop.title = "Stop what runs on the board (Ctrl-C)";
    stop.addEventListener("click", () => this.data.type("\x03"));
    const leave = element("span", "", "Ctrl-] leaves it");
    bar.append(this.title, this.state, stop, leave);
    this.leave = stop;
    this.screen = element("div", "belay-console-screen");
    this.root.append(bar, this.screen);
    this.still = element("pre", "", data.model.get("text"));
    this.screen.append(this.still);
    el.append(this.root);
    data.views.add(this);
    this.showState();
    if (data.code) this.start();
  }

  destroy() {
    this.data.views.delete(this);
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.terminal?.dispose();
  }

  async start() {
    if (this.starting) return;
    this.starting = true;
    if (!document.getElementById("belay-xterm-style")) {
      const style = element("style");
      style.id = "belay-xterm-style";
      style.textContent = new TextDecoder().decode(this.data.style);
      document.head.append(style);
    }
    const { Terminal } = await library(this.data.code);
    if (!this.data.views.has(this)) return;
    this.still.remove();
    const style = getComputedStyle(this.root);
    this.terminal = new Terminal({
      rows: ROWS, convertEol: true, cursorBlink: true, scrollback: 5000, screenReaderMode: false,
      fontFamily: style.getPropertyValue("--jp-code-font-family").trim() || "monospace",
      fontSize: parseInt(style.getPropertyValue("--jp-code-font-size"), 10) || 13,
      theme: colours(this.root).theme,
    });
    this.terminal.open(this.screen);
    // The notebook has shortcuts of its own; none of them is meant here.
    for (const kind of ["keydown", "keypress", "keyup"])
      this.screen.addEventListener(kind, event => event.stopPropagation());
    this.terminal.attachCustomKeyEventHandler(event => {
      if (event.ctrlKey && event.key === "]") {
        if (event.type === "keydown") this.leave.focus();
        event.preventDefault();
        return false;
      }
      // With something selected, Ctrl-C copies it; otherwise it interrupts the board.
      return !(event.ctrlKey && event.key === "c" && this.terminal.hasSelection());
    });
    this.terminal.onData(text => this.data.type(text));
    this.terminal.onBinary(text => this.data.send({ type: "bytes" },
      [Uint8Array.from(text, letter => letter.charCodeAt(0)).buffer]));
    this.terminal.write(this.data.screen());
    this.fit();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.root);
    this.themes = new MutationObserver(() => this.colour());
    for (const node of [document.body, document.documentElement])
      this.themes.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "data-theme"] });
    this.colour();
    this.showState();
  }

  colour() {
    const { dark, theme } = colours(this.root);
    this.root.dataset.dark = dark;
    this.terminal.options.theme = theme;
  }

  // As many columns as there is room for.
  fit() {
    const drawn = this.screen.querySelector(".xterm-screen");
    const room = this.screen.clientWidth - 16;
    if (!drawn || room <= 0 || !drawn.offsetWidth) return;
    const width = drawn.getBoundingClientRect().width / this.terminal.cols;
    const columns = Math.max(20, Math.floor(room / width));
    if (columns !== this.terminal.cols) this.terminal.resize(columns, ROWS);
  }

  showState() {
    const { state, why, board } = this.data.state;
    this.root.dataset.state = state;
    this.root.dataset.ready = Boolean(this.terminal);
    this.title.textContent = board;
    this.state.textContent = why || (STATES[state] ?? "no kernel");
  }
}

class Data {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.state = { state: "", why: "", board: "" };
    this.parts = []; // of what has come: for views that are opened later
  }

  send(message, buffers = []) { this.model.send(message, undefined, buffers); }

  type(text) { this.send({ type: "keys", data: text }); }

  screen() {
    const size = this.parts.reduce((sum, part) => sum + part.length, 0);
    const all = new Uint8Array(size);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    this.parts = [all.slice(Math.max(0, size - 200000))];
    return this.parts[0];
  }

  take(message, buffers) {
    if (message.type === "terminal") {
      this.code = bytes(buffers[0]);
      this.style = bytes(buffers[1]);
      this.parts = [bytes(buffers[2])];
      for (const view of this.views) view.start();
    } else if (message.type === "output" && this.code) {
      const part = bytes(buffers[0]);
      this.parts.push(part);
      if (this.parts.length > 2000) this.screen();
      for (const view of this.views) view.terminal?.write(part);
    } else if (message.type === "state") {
      this.state = message;
      for (const view of this.views) view.showState();
    }
  }
}

// Called once for each model; what `model` is differs from call to call.
export default () => {
  let data;
  return {
    initialize: ({ model }) => {
      data = new Data(model);
      model.on("msg:custom", (message, buffers) => data.take(message, buffers));
      model.send({ type: "hello" });
    },
    render: ({ el }) => {
      const view = new View(data, el);
      return () => view.destroy();
    },
  };
};
