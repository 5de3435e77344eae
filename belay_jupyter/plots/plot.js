// SPDX-License-Identifier: Apache-2.0
// Draws the samples that plots/shown.py sends: one message for some rows of one series, with a
// buffer of doubles for the times and one for each channel. Text from boards becomes text nodes
// only, never markup.

const COLOURS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a67c00", "#2b8cc4", "#8c6d31", "#6f6f6f"],
  dark: ["#56b4e9", "#ff8f45", "#2fc79a", "#e79ac6", "#f0c043", "#8fd0ff", "#c9a86a", "#b0b0b0"],
};
const LEFT = 64, RIGHT = 12, TOP = 8, FOOT = 24;

// ---- data: rows of one series, in arrays that grow, the oldest rows dropped in one go

class Series {
  constructor(keep) {
    this.keep = keep;
    this.clear();
  }

  clear() {
    this.next = null; // number of the row that comes next
    this.length = 0;
    this.capacity = 1024;
    this.times = new Float64Array(this.capacity);
    this.columns = new Map();
    this.drawn = [];
  }

  take(message, buffers) {
    const count = message.count;
    if (this.next !== null && message.first > this.next && this.length) this.gap = true;
    this.next = message.first + count;
    if (this.length + count > this.keep * 1.25 + 1024) this.drop(this.length + count - this.keep);
    this.grow(this.length + count);
    this.times.set(doubles(buffers[0]), this.length);
    message.channels.forEach((name, index) => {
      if (!this.columns.has(name)) this.columns.set(name, new Float64Array(this.capacity).fill(NaN));
      this.columns.get(name).set(doubles(buffers[index + 1]), this.length);
    });
    for (const [name, column] of this.columns)
      if (!message.channels.includes(name)) column.fill(NaN, this.length, this.length + count);
    this.length += count;
    this.drawn = message.drawn;
  }

  drop(count) {
    count = Math.min(count, this.length);
    for (const column of [this.times, ...this.columns.values()])
      column.copyWithin(0, count, this.length);
    this.length -= count;
  }

  grow(length) {
    if (length <= this.capacity) return;
    while (this.capacity < length) this.capacity *= 2;
    const larger = old => {
      const made = new Float64Array(this.capacity);
      made.set(old);
      return made;
    };
    this.times = larger(this.times);
    for (const [name, column] of this.columns) this.columns.set(name, larger(column));
  }

  // Index of the first row at this time or later.
  at(time) {
    let low = 0, high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const doubles = view =>
  new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

// The data of a model outlive the views of it.
function receive(model, data) {
  const keep = model.get("options").keep;
  model.on("msg:custom", (message, buffers) => {
    if (message.type === "reset") {
      for (const one of data.series) one.clear();
      data.rows = 0;
    } else if (message.type === "rows") {
      while (data.series.length <= message.series) data.series.push(new Series(keep));
      const series = data.series[message.series];
      series.take(message, buffers);
      data.rows += message.count;
    }
    for (const view of data.views) view.changed();
  });
  model.send({ type: "hello" });
}

// ---- numbers

function ticks(low, high, about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough * 0.999);
  const found = [];
  if (!(step > 0)) return found;
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9 && found.length < 50; k++)
    found.push(k * step);
  return found;
}

const short = value => (value === 0 ? "0" : String(Number(value.toPrecision(6))));
const shown = value => (Number.isFinite(value) ? short(value) : Number.isNaN(value) ? "–" : String(value));

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

// ---- a view

class View {
  constructor(model, root, data) {
    Object.assign(this, { model, root, data });
    this.range = null; // [left, right] where the user has zoomed; null follows what is new
    this.cursor = null; // seconds
    this.paused = null; // while paused: the newest time that is shown
    this.hidden = new Set();
    this.pending = false;
    this.missed = false; // a picture, for want of a size
    this.listening = new AbortController();
    this.build();
    data.views.add(this);
    this.observer = new ResizeObserver(() => this.changed());
    this.observer.observe(this.canvas);
    this.themes = new MutationObserver(() => this.changed());
    for (const node of [document.body, document.documentElement])
      this.themes.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "data-theme"] });
    this.onStatus = () => this.showStatus();
    model.on("change:status", this.onStatus);
    this.showStatus();
    this.changed();
  }

  destroy() {
    this.data.views.delete(this);
    this.observer.disconnect();
    this.themes.disconnect();
    this.listening.abort();
    this.model.off("change:status", this.onStatus);
  }

  build() {
    const options = this.model.get("options");
    this.root.classList.add("belay-plot");
    if (options.title) this.root.append(element("div", "belay-plot-title", options.title));
    this.canvas = element("canvas");
    this.canvas.style.height = `${options.height}px`;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute(
      "aria-keyshortcuts",
      "Space + - ArrowLeft ArrowRight Shift+ArrowLeft Shift+ArrowRight 0",
    );
    this.legend = element("div", "belay-plot-row");
    const bar = element("div", "belay-plot-row");
    this.pauseButton = this.button("Pause", "Hold the picture; measuring goes on (Space)", () => this.pause());
    this.fitButton = this.button("All", "Everything that is kept", () => this.all());
    this.followButton = this.button("Follow", "The newest samples, as they come (0)", () => this.follow());
    bar.append(
      this.pauseButton, this.fitButton, this.followButton,
      this.button("CSV", "Save the samples that this page has as a table", () => this.saveTable()),
      this.button("PNG", "Save the picture", () => this.savePicture()),
    );
    this.status = element("span", "belay-plot-status");
    bar.append(this.status);
    this.error = element("div", "belay-plot-error");
    this.error.setAttribute("role", "status");
    this.root.append(this.canvas, this.legend, bar, this.error);
    this.listen();
  }

  button(text, title, action) {
    const made = element("button", "", text);
    made.type = "button";
    made.title = title;
    made.addEventListener("click", action);
    return made;
  }

  // ---- what the user does

  listen() {
    const canvas = this.canvas, signal = this.listening.signal;
    const timeAt = event => {
      const box = canvas.getBoundingClientRect();
      const [left, right] = this.shownRange();
      const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
      return left + Math.min(Math.max(part, 0), 1) * (right - left);
    };
    let from = null;
    canvas.addEventListener("pointermove", event => {
      this.cursor = timeAt(event);
      if (from !== null) this.selection = [from, this.cursor];
      this.changed();
    }, { signal });
    canvas.addEventListener("pointerleave", () => { this.cursor = null; this.changed(); }, { signal });
    canvas.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      from = timeAt(event);
    }, { signal });
    canvas.addEventListener("pointerup", event => {
      const box = canvas.getBoundingClientRect(), [left, right] = this.shownRange();
      const until = timeAt(event);
      const pixels = Math.abs(until - from) / (right - left) * box.width;
      if (from !== null && pixels > 5) this.range = [Math.min(from, until), Math.max(from, until)];
      from = null;
      this.selection = null;
      this.changed();
    }, { signal });
    canvas.addEventListener("dblclick", () => this.follow(), { signal });
    canvas.addEventListener("wheel", event => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
    }, { signal, passive: false });
    // In the capturing phase, and no further: Space, 0 and the arrows mean other things to a notebook.
    canvas.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.key(event)) return;
      event.preventDefault();
      event.stopPropagation();
    }, { signal, capture: true });
  }

  key(event) {
    const [left, right] = this.shownRange(), width = right - left;
    const towards = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === " ") this.pause();
    else if (event.key === "+" || event.key === "=") this.zoom(0.8);
    else if (event.key === "-") this.zoom(1.25);
    else if (event.key === "0") this.follow();
    else if (towards && event.shiftKey) {
      const now = this.cursor ?? (left + right) / 2;
      this.cursor = Math.min(Math.max(now + towards * width / 50, left), right);
      this.changed();
    } else if (towards) {
      this.range = [left + towards * width / 10, right + towards * width / 10];
      this.changed();
    } else return false;
    return true;
  }

  zoom(factor, around) {
    const [left, right] = this.shownRange();
    const fixed = around ?? (left + right) / 2;
    const range = [fixed + (left - fixed) * factor, fixed + (right - fixed) * factor];
    if (range[1] - range[0] > 1e-5) this.range = range;
    this.changed();
  }

  pause() {
    this.paused = this.paused === null ? this.newest() : null;
    this.pauseButton.textContent = this.paused === null ? "Pause" : "Go on";
    this.pauseButton.setAttribute("aria-pressed", String(this.paused !== null));
    this.changed();
  }

  follow() {
    this.range = null;
    if (this.paused !== null) this.pause();
    this.changed();
  }

  all() {
    const used = this.data.series.filter(one => one.length);
    const left = Math.min(...used.map(one => one.times[0]));
    if (used.length) this.range = [left, Math.max(this.newest(), left + 1e-3)];
    this.changed();
  }

  // ---- what is seen

  newest() {
    return Math.max(0, ...this.data.series.map(one => (one.length ? one.times[one.length - 1] : 0)));
  }

  shownRange() {
    if (this.range) return this.range;
    const window_ = this.model.get("options").window;
    const right = Math.max(this.paused ?? this.newest(), window_);
    return [right - window_, right];
  }

  lines() {
    const found = [];
    for (const series of this.data.series)
      for (const name of series.drawn)
        if (series.columns.has(name)) found.push({ series, name, column: series.columns.get(name) });
    return found;
  }

  changed() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (this.data.views.has(this)) this.draw();
    });
  }

  colours() {
    const style = getComputedStyle(this.root);
    const ink = style.color, values = ink.match(/[\d.]+/g) ?? ["0", "0", "0"];
    const bright = 0.3 * values[0] + 0.59 * values[1] + 0.11 * values[2] > 128;
    const variable = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    return {
      ink, dark: bright, lines: COLOURS[bright ? "dark" : "light"],
      grid: variable("--jp-border-color2", bright ? "#555" : "#ddd"),
      paper: variable("--jp-layout-color0", bright ? "#111" : "#fff"),
      font: `12px ${variable("--jp-ui-font-family", "sans-serif")}`,
    };
  }

  draw() {
    const canvas = this.canvas, ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) {
      // JupyterLab hides the whole page for one frame when its theme changes, which no observer of
      // sizes sees. Where it stays hidden, that observer says when it is shown.
      if (!this.missed) this.changed();
      this.missed = !this.missed;
      return;
    }
    this.missed = false;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d"), colours = this.colours();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = colours.font;
    const box = { x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: height - TOP - FOOT };
    const lines = this.lines(), range = this.shownRange();
    const bounds = this.bounds(lines, range);
    const place = {
      x: t => box.x + (t - range[0]) / (range[1] - range[0]) * box.width,
      y: v => box.y + (bounds[1] - v) / (bounds[1] - bounds[0]) * box.height,
    };
    this.grid(pen, colours, box, range, bounds, place);
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y - 2, box.width, box.height + 4);
    pen.clip();
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    lines.forEach((line, index) => {
      if (this.hidden.has(line.name)) return;
      pen.strokeStyle = colours.lines[index % colours.lines.length];
      pen.setLineDash(index < colours.lines.length ? [] : [6, 3]);
      this.trace(pen, line, range, box, place);
    });
    pen.setLineDash([]);
    this.mark(pen, colours, box, place);
    pen.restore();
    this.showLegend(lines, colours);
    this.data.frames += 1;
    Object.assign(this.root.dataset, {
      frames: this.data.frames, rows: this.data.rows, dark: colours.dark,
      left: range[0].toFixed(3), right: range[1].toFixed(3),
    });
  }

  // What is drawn of a series: one row more on either side, so that lines reach the edges.
  part(series, range) {
    const end = this.paused === null ? series.length : series.at(this.paused + 1e-9);
    const from = Math.max(series.at(range[0]) - 1, 0);
    return [from, Math.max(from, Math.min(series.at(range[1]) + 1, end))];
  }

  bounds(lines, range) {
    let low = Infinity, high = -Infinity;
    for (const { series, name, column } of lines) {
      if (this.hidden.has(name)) continue;
      const [from, end] = this.part(series, range);
      for (let i = from; i < end; i++) {
        const v = column[i];
        if (v < low && v !== -Infinity) low = v;
        if (v > high && v !== Infinity) high = v;
      }
    }
    if (low > high) return [0, 1];
    if (low === high) { const around = Math.abs(low) * 0.1 || 1; return [low - around, high + around]; }
    const room = (high - low) * 0.05;
    return [low - room, high + room];
  }

  grid(pen, colours, box, range, bounds, place) {
    pen.strokeStyle = colours.grid;
    pen.fillStyle = colours.ink;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const v of ticks(...bounds, box.height / 50)) {
      pen.moveTo(box.x, place.y(v));
      pen.lineTo(box.x + box.width, place.y(v));
      pen.fillText(short(v), box.x - 6, place.y(v));
    }
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const t of ticks(...range, box.width / 90)) {
      pen.moveTo(place.x(t), box.y);
      pen.lineTo(place.x(t), box.y + box.height);
      pen.fillText(`${short(t)} s`, Math.min(place.x(t), box.x + box.width - 12), box.y + box.height + 6);
    }
    pen.stroke();
  }

  trace(pen, { series, column }, range, box, place) {
    const [from, end] = this.part(series, range), times = series.times;
    pen.beginPath();
    let down = false;
    const point = (t, v) => {
      if (down) pen.lineTo(place.x(t), place.y(v));
      else pen.moveTo(place.x(t), place.y(v));
      down = true;
    };
    if (end - from <= 3 * box.width) {
      for (let i = from; i < end; i++)
        if (Number.isFinite(column[i])) point(times[i], column[i]);
        else down = false;
      if (end - from === 1) pen.lineTo(place.x(times[from]) + 1, place.y(column[from]));
    } else {
      // Of the rows at one pixel, the first, the lowest, the highest and the last are all there is to see.
      let i = from;
      while (i < end) {
        const pixel = Math.floor(place.x(times[i]));
        let low = i, high = i, last = i, gap = false;
        const first = i;
        for (; i < end && Math.floor(place.x(times[i])) === pixel; i++) {
          if (!Number.isFinite(column[i])) { gap = true; continue; }
          if (!(column[i] >= column[low])) low = i;
          if (!(column[i] <= column[high])) high = i;
          last = i;
        }
        for (const k of [first, Math.min(low, high), Math.max(low, high), last])
          if (Number.isFinite(column[k])) point(times[k], column[k]);
        if (gap) down = false;
      }
    }
    pen.stroke();
  }

  mark(pen, colours, box, place) {
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1;
    if (this.selection) {
      const [a, b] = this.selection.map(place.x);
      pen.globalAlpha = 0.15;
      pen.fillStyle = colours.ink;
      pen.fillRect(Math.min(a, b), box.y, Math.abs(b - a), box.height);
      pen.globalAlpha = 1;
    }
    if (this.cursor !== null) {
      pen.beginPath();
      pen.moveTo(place.x(this.cursor), box.y);
      pen.lineTo(place.x(this.cursor), box.y + box.height);
      pen.stroke();
    }
  }

  // The value beside the cursor, or the newest one that is shown.
  value({ series, column }) {
    if (!series.length) return NaN;
    const time = this.cursor ?? this.paused ?? Infinity;
    let index = Math.min(series.at(time), series.length - 1);
    if (index > 0 && time - series.times[index - 1] < series.times[index] - time) index -= 1;
    return column[index];
  }

  showLegend(lines, colours) {
    const key = lines.map(line => line.name).join("\0") + colours.dark;
    if (key !== this.legendKey) {
      this.legendKey = key;
      this.moment = element("span", "belay-plot-value");
      this.values = lines.map(() => element("span", "belay-plot-value"));
      this.legend.replaceChildren(...lines.map(({ name }, index) => {
        const made = this.button("", "Show or hide this channel", () => {
          if (!this.hidden.delete(name)) this.hidden.add(name);
          made.setAttribute("aria-pressed", String(!this.hidden.has(name)));
          this.changed();
        });
        const swatch = element("span", "belay-plot-swatch");
        swatch.style.borderTopColor = colours.lines[index % colours.lines.length];
        made.classList.add("belay-plot-channel");
        made.setAttribute("aria-pressed", String(!this.hidden.has(name)));
        made.append(swatch, element("span", "", name), this.values[index]);
        return made;
      }), this.moment);
    }
    lines.forEach((line, index) => { this.values[index].textContent = shown(this.value(line)); });
    this.moment.textContent = this.cursor === null ? "" : `at ${this.cursor.toFixed(3)} s`;
    const said = lines.map(line => `${line.name} ${shown(this.value(line))}`).join(", ");
    this.canvas.setAttribute("aria-label", `Plot of ${said || "nothing yet"}`);
  }

  showStatus() {
    const status = this.model.get("status");
    const parts = [`${(status.samples ?? 0).toLocaleString("en")} samples`];
    if (status.running) parts.push(`${status.rate.toLocaleString("en")}/s`);
    else parts.push("ended");
    if (status.lost) parts.push(`${status.lost.toLocaleString("en")} lost`);
    this.status.textContent = parts.join(" · ");
    this.error.textContent = (status.errors ?? []).join("\n");
    this.root.dataset.state = status.running ? "running" : "ended";
    this.changed();
  }

  // ---- saved

  save(blob, ending) {
    const link = element("a");
    const name = (this.model.get("options").title || "plot").replace(/[^\w.-]+/g, "-");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  savePicture() {
    const made = document.createElement("canvas"), from = this.canvas;
    const ratio = window.devicePixelRatio || 1, lines = this.lines(), colours = this.colours();
    Object.assign(made, { width: from.width, height: from.height + 24 * ratio });
    const pen = made.getContext("2d");
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, made.width, made.height);
    pen.drawImage(from, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.font = colours.font;
    pen.textBaseline = "middle";
    let x = LEFT;
    lines.forEach(({ name }, index) => {
      if (this.hidden.has(name)) return;
      pen.fillStyle = colours.lines[index % colours.lines.length];
      pen.fillRect(x, from.height / ratio + 9, 18, 3);
      pen.fillStyle = colours.ink;
      pen.fillText(name, x + 24, from.height / ratio + 11);
      x += 40 + pen.measureText(name).width;
    });
    made.toBlob(blob => this.save(blob, "png"));
  }

  saveTable() {
    const used = this.data.series, quoted = text => `"${text.replaceAll('"', '""')}"`;
    const names = used.flatMap(one => [...one.columns.keys()]);
    const rows = [];
    used.forEach((one, index) => {
      const before = used.slice(0, index).reduce((sum, other) => sum + other.columns.size, 0);
      const columns = [...one.columns.values()], after = names.length - before - columns.length;
      for (let i = 0; i < one.length; i++) {
        const values = columns.map(column => (Number.isNaN(column[i]) ? "" : column[i]));
        rows.push([one.times[i], ...Array(before).fill(""), ...values, ...Array(after).fill("")]);
      }
    });
    rows.sort((a, b) => a[0] - b[0]);
    const text = [["seconds", ...names.map(quoted)], ...rows].map(row => row.join(",")).join("\n");
    this.save(new Blob([text, "\n"], { type: "text/csv" }), "csv");
  }
}

function show(model, el, data) {
  const root = element("div");
  el.append(root);
  const view = new View(model, root, data);
  // Without a kernel nothing comes: then what is saved with the notebook is shown.
  const picture = model.get("picture");
  let waiting;
  if (picture) {
    const still = element("img");
    still.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture)}`;
    still.alt = model.get("options").title || "plot";
    waiting = setTimeout(() => { if (!data.rows) root.replaceChildren(still); }, 3000);
  }
  return () => {
    clearTimeout(waiting);
    view.destroy();
  };
}

// Called once for each model; what `model` is differs from call to call.
export default () => {
  const data = { series: [], views: new Set(), rows: 0, frames: 0 };
  return {
    initialize: ({ model }) => receive(model, data),
    render: ({ model, el }) => show(model, el, data),
  };
};
