// SPDX-License-Identifier: Apache-2.0
// One board of a dashboard: shows what panels/panel.py sends, and sends back what is clicked. Text
// from boards becomes text nodes only, never markup.

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, title, action, name) {
  const made = element("button", name, text);
  made.type = "button";
  made.title = title;
  made.addEventListener("click", action);
  return made;
}

const bytes = count =>
  count < 10000 ? `${count.toLocaleString("en")} B`
  : count < 10 * 1024 * 1024 ? `${Math.round(count / 1024).toLocaleString("en")} KiB`
  : `${(count / 1024 / 1024).toFixed(1)} MiB`;

const folderOf = path => path.slice(0, path.lastIndexOf("/")) || "/";
const nameOf = path => path.slice(path.lastIndexOf("/") + 1);

const STATES = { idle: "connected", busy: "busy", lost: "link lost", closed: "closed", "": "no kernel" };

// ---- what is known of the board; outlives the views of it

class Data {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.link = { name: "", address: "", state: "", why: "" };
    this.facts = [];
    this.samples = [];
    this.files = [];
    this.globals = [];
    this.log = [];
    this.doing = { text: "", waits: false };
    this.heard = false;
  }

  send(message, buffers = []) { this.model.send(message, undefined, buffers); }

  take(message, buffers) {
    const kind = message.type;
    if (kind === "all") {
      Object.assign(this, {
        link: message.link, facts: message.facts, samples: message.samples, files: message.files,
        globals: message.globals, log: message.log, doing: { text: message.doing, waits: false },
        heard: true,
      });
    } else if (kind === "link") this.link = message;
    else if (kind === "facts") this.facts = message.facts;
    else if (kind === "sample") {
      this.samples.push(message.sample);
      if (this.samples.length > 600) this.samples.shift();
    } else if (kind === "files") this.files = message.files;
    else if (kind === "globals") this.globals = message.rows;
    else if (kind === "doing") this.doing = message;
    else if (kind === "log") {
      for (const line of message.lines) {
        const last = this.log[this.log.length - 1];
        if (last && last[0] === line[0]) this.log[this.log.length - 1] = line;
        else this.log.push(line);
      }
      this.log.splice(0, this.log.length - 500);
    } else if (kind === "file") save(message.name, buffers[0]);
    for (const view of this.views) view.take(message);
  }

  shown() { if (this.heard) this.send({ type: "pages", count: this.views.size }); }
}

function save(name, view) {
  const link = element("a");
  const data = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  link.href = URL.createObjectURL(new Blob([data]));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// ---- a view

class View {
  constructor(data, root) {
    this.data = data;
    this.root = root;
    this.folder = "/"; // where uploads and new folders go
    this.chosen = "";
    this.edited = null; // {path, stamp, text}
    this.waiting = new Map(); // uploads that may have to be asked about, by path
    this.conflicts = []; // paths of those that have to be
    root.className = "belay-panel";
    this.build();
    data.views.add(this);
    this.take({ type: "all" });
  }

  destroy() {
    this.data.views.delete(this);
    this.data.shown();
  }

  send(message, buffers) { this.data.send(message, buffers); }

  build() {
    const head = element("div", "belay-panel-row belay-panel-head");
    this.title = element("b");
    this.state = element("span", "belay-panel-state");
    this.state.setAttribute("role", "status");
    this.address = element("code", "belay-panel-dim");
    this.stop = button("Interrupt", "Stop what runs on the board, at once", () => this.send({ type: "interrupt" }));
    this.resets = [
      button("Soft reset", "Clear its memory and run boot.py", () => this.sure(
        "Soft reset: all variables of the board are lost.", "Soft reset", () => this.send({ type: "soft_reset" }))),
      button("Hard reset", "As its reset button does", () => this.sure(
        "Hard reset: the whole chip begins anew.", "Hard reset", () => this.send({ type: "hard_reset" }))),
    ];
    this.connect = button("Reconnect", "Connect it again", () => this.send({ type: "connect" }), "belay-primary");
    this.close = button("Close", "So that other programs can use it", () => this.send({ type: "close" }));
    const actions = element("span", "belay-panel-row belay-panel-push");
    actions.append(this.stop, ...this.resets, this.connect, this.close);
    head.append(this.title, this.state, this.address, actions);

    this.question = element("div", "belay-panel-ask belay-panel-row");
    this.question.hidden = true;
    this.question.setAttribute("role", "alertdialog");
    this.tabs = element("div", "belay-panel-tabs");
    this.tabs.setAttribute("role", "tablist");
    this.pages = {};
    const pages = [["overview", "Overview"], ["files", "Files"], ["globals", "Globals"], ["log", "Log"]];
    const id = Math.random().toString(36).slice(2);
    for (const [key, text] of pages) {
      const tab = button(text, "", () => this.open(key, true));
      tab.setAttribute("role", "tab");
      tab.id = `belay-${id}-${key}`;
      tab.dataset.key = key;
      const page = element("div", "belay-panel-page");
      page.setAttribute("role", "tabpanel");
      page.setAttribute("aria-labelledby", tab.id);
      this.tabs.append(tab);
      this.pages[key] = { tab, page };
    }
    this.tabs.addEventListener("keydown", event => this.walk(event));
    this.said = element("div", "belay-panel-said belay-panel-row");
    this.said.setAttribute("role", "status");
    this.root.append(head, this.question, this.tabs, ...Object.values(this.pages).map(one => one.page), this.said);
    this.buildFiles();
    this.buildLists();
    this.open("overview");
  }

  buildLists() {
    this.overview = element("div", "belay-panel-facts");
    this.pages.overview.page.append(this.overview);
    const again = button("Refresh", "Ask the board again", () => this.send({ type: "refresh", what: "globals" }));
    this.rows = element("div", "belay-panel-scroll");
    this.rows.tabIndex = 0;
    this.pages.globals.page.append(again, this.rows);
    this.lines = element("div", "belay-panel-scroll belay-panel-log");
    this.lines.tabIndex = 0;
    const note = element("div", "belay-panel-dim",
      "What the board prints outside of cells, and what becomes of its link; the newest 500 lines.");
    this.pages.log.page.append(note, this.lines);
  }

  buildFiles() {
    const page = this.pages.files.page;
    const bar = element("div", "belay-panel-row");
    this.where = element("code");
    this.picker = element("input");
    this.picker.type = "file";
    this.picker.multiple = true;
    this.picker.hidden = true;
    this.picker.addEventListener("change", () => {
      this.upload([...this.picker.files]);
      this.picker.value = "";
    });
    this.tools = [
      button("Upload…", "Choose files of this computer; or drop them on the list", () => this.picker.click()),
      button("New file", "An empty file to edit", () => this.named("Name of the new file:", "main.py", name => this.edit({
        path: `${this.folder === "/" ? "" : this.folder}/${name}`, text: "", stamp: "", why: "" }))),
      button("New folder", "A folder in this one", () => this.named("Name of the new folder:", "lib", name =>
        this.send({ type: "mkdir", folder: this.folder, name }))),
      button("Refresh", "Ask the board again", () => this.send({ type: "refresh", what: "files" })),
    ];
    bar.append(element("span", "", "In"), this.where, ...this.tools, this.picker);
    this.list = element("div", "belay-panel-files belay-panel-scroll");
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", "Files of the board; drop files here to upload them");
    const over = on => event => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      this.list.dataset.over = on;
    };
    this.list.addEventListener("dragenter", over(true));
    this.list.addEventListener("dragover", over(true));
    this.list.addEventListener("dragleave", over(false));
    this.list.addEventListener("drop", event => {
      over(false)(event);
      const row = event.target.closest("[data-folder]");
      if (row) this.go(row.dataset.folder);
      this.upload([...event.dataTransfer.files]);
    });
    this.editor = element("div", "belay-panel-editor");
    this.editor.hidden = true;
    page.append(bar, this.list, this.editor);
  }

  // ---- tabs

  open(key, look = false) {
    for (const [name, { tab, page }] of Object.entries(this.pages)) {
      tab.setAttribute("aria-selected", name === key);
      tab.tabIndex = name === key ? 0 : -1;
      page.hidden = name !== key;
    }
    if (look && this.alive && (key === "files" || key === "globals")) this.send({ type: "refresh", what: key });
    if (key === "log") this.lines.scrollTop = this.lines.scrollHeight;
  }

  walk(event) {
    const tabs = [...this.tabs.children];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = tabs.findIndex(tab => tab.tabIndex === 0);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    this.open(next.dataset.key, true);
    next.focus();
  }

  // ---- questions: one at a time, below the heading, answered by a button or Escape

  ask(nodes, ...answers) {
    const before = document.activeElement;
    const end = () => {
      this.question.hidden = true;
      this.question.replaceChildren();
      if (before && before.isConnected) before.focus();
      setTimeout(() => this.askToReplace());
    };
    const buttons = answers.map(([text, action, name]) => button(text, "", () => { end(); action(); }, name));
    const keep = button("Cancel", "Do nothing", end);
    this.question.replaceChildren(...nodes, ...buttons, keep);
    this.question.hidden = false;
    this.question.onkeydown = event => {
      event.stopPropagation();
      if (event.key === "Escape") end();
    };
    return buttons;
  }

  askToReplace() {
    if (!this.question.hidden || !this.conflicts.length) return;
    const path = this.conflicts.shift();
    this.sure(`${path} is on the board already.`, "Replace it", () => this.put(path, true));
  }

  sure(text, verb, action) {
    const [yes] = this.ask([element("span", "", text)], [verb, action, "belay-danger"]);
    yes.focus();
  }

  named(text, example, action) {
    const label = element("label", "belay-panel-row", text);
    const field = element("input");
    field.type = "text";
    field.placeholder = example;
    label.append(field);
    const [yes] = this.ask([label], ["OK", () => { if (field.value) action(field.value); }, "belay-primary"]);
    field.addEventListener("keydown", event => { if (event.key === "Enter") yes.click(); });
    field.focus();
    return field;
  }

  // ---- files

  go(folder) {
    this.folder = folder;
    this.where.textContent = folder;
  }

  async upload(files) {
    for (const file of files) {
      const path = `${this.folder === "/" ? "" : this.folder}/${file.name}`;
      this.waiting.set(path, { file, folder: this.folder });
      await this.put(path, false);
    }
  }

  async put(path, replace) {
    const { file, folder } = this.waiting.get(path);
    let content;
    try {
      content = await file.arrayBuffer();
    } catch (error) { // a folder, or a file that has gone
      this.say(`${file.name} cannot be read: ${error.message}`, true);
      return;
    }
    this.send({ type: "upload", path, folder, name: file.name, replace }, [content]);
  }

  showFiles() {
    const files = this.data.files;
    const folders = new Set(["/", ...files.filter(one => one[1] < 0).map(one => one[0])]);
    if (!folders.has(this.folder)) this.folder = "/";
    this.go(this.folder);
    const at = this.list.scrollTop;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    const rows = [["/", -1], ...files].map(([path, size]) => this.row(path, size));
    this.list.replaceChildren(...rows);
    if (files.length === 0) this.list.append(element("div", "belay-panel-file belay-panel-dim", "No files yet: drop some here."));
    this.list.scrollTop = at;
    if (focused) [...this.list.querySelectorAll("[data-path]")].find(one => one.dataset.path === focused)?.focus();
  }

  row(path, size) {
    const isFolder = size < 0;
    const row = element("div", "belay-panel-file");
    row.dataset.folder = isFolder ? path : folderOf(path);
    row.dataset.chosen = isFolder && path === this.folder;
    row.style.paddingLeft = `${6 + 18 * (path === "/" ? 0 : path.split("/").length - 1)}px`;
    const name = button(
      isFolder ? `▸ ${path === "/" ? "/" : nameOf(path) + "/"}` : nameOf(path),
      isFolder ? `Upload into ${path}` : `Edit ${path}`,
      () => { if (isFolder) { this.go(path); this.showFiles(); } else this.openFile(path); },
      "belay-panel-name",
    );
    name.dataset.path = path;
    row.append(name);
    if (!isFolder) row.append(element("span", "belay-panel-size belay-panel-dim", bytes(size)));
    if (path === "/") return row;
    if (!isFolder) row.append(button("⤓", `Download ${path}`, () => this.send({ type: "download", path })));
    row.append(
      button("✎", `Rename ${path}`, () => {
        const field = this.named(`New name of ${path}:`, nameOf(path), name => this.send({ type: "rename", path, name }));
        field.value = nameOf(path);
        field.select();
      }),
      button("✕", `Delete ${path}`, () => this.sure(
        isFolder ? `Delete the folder ${path} with all that is in it?` : `Delete ${path}?`,
        "Delete", () => this.send({ type: "delete", path }))),
    );
    for (const one of row.querySelectorAll("button")) {
      one.setAttribute("aria-label", one.title);
      one.disabled = !this.alive;
    }
    return row;
  }

  openFile(path) {
    const ask = () => this.send({ type: "open", path });
    if (this.dirty) this.sure(`${this.edited.path} is not saved.`, "Drop the changes", ask);
    else ask();
  }

  get dirty() { return this.edited && this.area && this.area.value !== this.edited.text; }

  edit(opened) {
    this.open("files");
    this.edited = { path: opened.path, stamp: opened.stamp, text: opened.text?.replace(/\r\n?/g, "\n") };
    const close = button("Close", "Close the editor", () => {
      const end = () => { this.editor.hidden = true; this.edited = this.area = null; };
      if (this.dirty) this.sure(`${this.edited.path} is not saved.`, "Drop the changes", end);
      else end();
    });
    const head = element("div", "belay-panel-row");
    head.append(element("code", "", opened.path));
    this.editor.replaceChildren(head);
    this.editor.hidden = false;
    if (opened.text === null) {
      this.area = null;
      head.append(element("span", "", `cannot be edited: ${opened.why}`),
        button("Download", "", () => this.send({ type: "download", path: opened.path }), "belay-primary"), close);
      return;
    }
    this.saving = button("Save", "Save to the board (Ctrl+S)", () => this.store(false), "belay-primary");
    this.mark = element("span", "belay-panel-dim", opened.why);
    head.append(this.saving, close, this.mark);
    this.area = element("textarea");
    this.area.value = this.edited.text;
    this.area.spellcheck = false;
    this.area.setAttribute("aria-label", `Contents of ${opened.path}`);
    this.area.addEventListener("input", () => { this.mark.textContent = this.dirty ? "not saved" : ""; });
    this.area.addEventListener("keydown", event => {
      event.stopPropagation(); // the notebook has shortcuts of its own
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        this.store(false);
      }
    });
    this.editor.append(this.area);
    this.area.focus();
  }

  store(force) {
    const { path, stamp } = this.edited;
    this.sent = this.area.value;
    this.send({ type: "save", path, stamp, text: this.sent, force });
  }

  // ---- what comes

  take(message) {
    const kind = message.type, data = this.data;
    if (kind === "all" || kind === "link") this.showLink();
    if (kind === "all" || kind === "facts" || kind === "sample") this.showOverview();
    if (kind === "all" || kind === "files" || kind === "link") this.showFiles();
    if (kind === "all" || kind === "globals") this.showGlobals();
    if (kind === "all" || kind === "log") this.showLog();
    if (kind === "doing") this.showDoing();
    if (kind === "said") this.say(message.text, message.error);
    if (kind === "opened") this.edit(message);
    if (kind === "saved" && this.edited?.path === message.path) {
      this.edited.stamp = message.stamp;
      this.edited.text = this.sent;
      this.mark.textContent = this.dirty ? "not saved" : "saved";
    }
    if (kind === "changed" && this.edited) this.ask(
      [element("span", "", `${this.edited.path}: ${message.why}.`)],
      ["Overwrite it", () => this.store(true), "belay-danger"],
      ["Open what is there", () => this.send({ type: "open", path: this.edited.path })]);
    if (kind === "there" && this.waiting.has(message.path)) {
      this.conflicts.push(message.path);
      this.askToReplace();
    }
    if (kind === "uploaded") this.waiting.delete(message.path);
    if (kind === "renamed" && this.edited?.path === message.path) this.edited.path = message.new;
    this.root.dataset.samples = data.samples.length;
  }

  get alive() { return this.data.link.state === "idle" || this.data.link.state === "busy"; }

  showLink() {
    const { name, address, state, why } = this.data.link;
    this.root.dataset.state = state;
    this.title.textContent = name;
    this.address.textContent = address;
    this.state.textContent = STATES[state] ?? state;
    this.state.title = why;
    const alive = this.alive;
    for (const one of [this.stop, ...this.resets, this.close, ...this.tools]) one.disabled = !alive;
    this.connect.disabled = alive || state === "";
    this.connect.hidden = alive;
    this.close.hidden = !alive;
    if (this.saving) this.saving.disabled = !alive;
    if (state === "lost") this.say(why, true);
  }

  showOverview() {
    const { facts, samples, heard, model } = this.data;
    const table = element("table");
    for (const [name, text] of heard ? facts : model.get("summary")) {
      const row = element("tr");
      row.append(element("td", "belay-panel-dim", name), element("td", "", text));
      table.append(row);
    }
    const meters = element("div", "belay-panel-meter");
    const last = samples[samples.length - 1];
    if (last) for (const [at, name] of [[1, "Heap"], [2, "Flash"]]) {
      const [used, total] = last[at];
      if (total) meters.append(this.meter(name, used, total, samples.map(one => [one[0], one[at][0]])));
    }
    this.overview.replaceChildren(table, meters);
  }

  meter(name, used, total, points) {
    const part = used / total;
    const box = element("div");
    const bar = element("div", "belay-panel-bar");
    bar.setAttribute("role", "meter");
    bar.setAttribute("aria-label", name);
    bar.setAttribute("aria-valuemin", 0);
    bar.setAttribute("aria-valuemax", total);
    bar.setAttribute("aria-valuenow", used);
    bar.dataset.full = part > 0.9;
    const fill = element("div");
    fill.style.width = `${Math.max(0.5, 100 * part)}%`;
    bar.append(fill);
    const text = `${bytes(used)} of ${bytes(total)} used (${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %)`;
    const label = element("div", "belay-panel-row");
    label.append(element("b", "", name), element("span", "", text));
    const values = points.map(point => point[1]);
    const seconds = Math.round(points[points.length - 1][0] - points[0][0]);
    const span = `${bytes(Math.min(...values))} to ${bytes(Math.max(...values))} in the last ${seconds} s`;
    box.append(label, bar, line(name, points), element("div", "belay-panel-dim belay-panel-small", span));
    return box;
  }

  showGlobals() {
    const table = element("table");
    const head = element("tr");
    for (const text of ["Name", "Type", "Size", "Value"]) head.append(element("th", "", text));
    table.append(head);
    for (const cells of this.data.globals) {
      const row = element("tr");
      cells.forEach((text, index) => row.append(element("td", index % 3 ? "belay-panel-dim" : "belay-panel-mono", text)));
      table.append(row);
    }
    const none = element("div", "belay-panel-dim", "The board has no variables yet.");
    this.rows.replaceChildren(this.data.globals.length ? table : none);
  }

  showLog() {
    const follows = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 20;
    this.lines.replaceChildren(...this.data.log.map(([, moment, kind, text]) => {
      const row = element("div");
      row.dataset.kind = kind;
      row.append(element("time", "", new Date(moment * 1000).toLocaleTimeString("en-GB")), text);
      return row;
    }));
    if (follows) this.lines.scrollTop = this.lines.scrollHeight;
  }

  showDoing() {
    const { text, waits } = this.data.doing;
    this.root.setAttribute("aria-busy", Boolean(text));
    if (!text) {
      if (this.said.dataset.doing) this.say("", false);
      return;
    }
    this.say(waits ? `${text}: waits until the board is idle` : `${text} …`, false);
    this.said.dataset.doing = true;
    if (waits) this.said.append(button("Cancel", "Do not do it", () => this.send({ type: "cancel" })));
  }

  say(text, error) {
    this.said.replaceChildren(element("span", "", text));
    this.said.dataset.error = Boolean(error);
    delete this.said.dataset.doing;
  }
}

// A line over time, from the least to the most that there was.
function line(name, points) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "belay-panel-line");
  svg.setAttribute("viewBox", "0 0 300 46");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const values = points.map(point => point[1]);
  const low = Math.min(...values), high = Math.max(...values);
  svg.setAttribute("aria-label", `${name} over time: ${bytes(low)} to ${bytes(high)}`);
  const from = points[0][0], span = Math.max(points[points.length - 1][0] - from, 1e-9);
  const room = Math.max(high - low, 1);
  const drawn = points.map(([time, value]) =>
    `${((time - from) / span * 300).toFixed(1)},${(42 - (value - low) / room * 38).toFixed(1)}`);
  const path = document.createElementNS(space, "polyline");
  path.setAttribute("points", drawn.length > 1 ? drawn.join(" ") : `0,42 300,42`);
  for (const [key, value] of Object.entries({
    fill: "none", stroke: "currentColor", "stroke-width": "1.5", "vector-effect": "non-scaling-stroke" }))
    path.setAttribute(key, value);
  svg.append(path);
  return svg;
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
      const root = element("div");
      el.append(root);
      const view = new View(data, root);
      data.shown();
      return () => view.destroy();
    },
  };
};
