// A line chart of the timeline, in SVG. It is a slider over time for the keyboard and for screen
// readers: the chosen moment is shared by all charts, and its values stand below each.

const SVG = "http://www.w3.org/2000/svg";
const PLOT = { height: 128, left: 56, right: 6, top: 8, bottom: 6 };

function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// The least of 1, 2, 4, 6, 8, 10, 20 … that is not below the value: its half is a short number, too.
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= value * 0.999);
}

// The moment that is looked at: null is now.
class Cursor {
  at = null;
  listeners = [];

  set(at) {
    if (at === this.at) return;
    this.at = at;
    for (const listener of this.listeners) listener();
  }
}

// The note takes the place of the legend where there is one series only.
// options: title (for screen readers), series ([{key, name, style}]), limit (a key, or undefined),
// format (value → text with its unit), floor (the axis reaches this at least), top (what a value of
// Infinity is drawn as).
class Chart {
  constructor(card, timeline, cursor, options) {
    Object.assign(this, { timeline, cursor, options });
    this.width = 320;
    this.build(card);
    cursor.listeners.push(() => this.draw());
    new ResizeObserver(([entry]) => {
      this.width = Math.max(200, entry.contentRect.width);
      this.draw();
    }).observe(this.plot);
  }

  build(card) {
    const { options } = this;
    this.legend = make("ul", "legend");
    this.values = (options.series.length > 1 ? options.series : []).map((series) => {
      const item = make("li");
      const swatch = svg("svg", { class: "swatch", width: 18, height: 8, "aria-hidden": "true" });
      swatch.append(svg("path", { class: `line ${series.style}`, d: "M1 4H17" }));
      const value = make("b", "", NOTHING);
      value.dataset.series = series.key;
      item.append(swatch, make("span", "", series.name), value);
      this.legend.append(item);
      return value;
    });
    this.note = make("p", "note");
    this.plot = make("div", "plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "slider");
    this.plot.setAttribute("aria-label", `${options.title}, moment of the last two minutes`);
    this.plot.setAttribute("aria-valuemin", -HISTORY_MS / 1000);
    this.plot.setAttribute("aria-valuemax", 0);
    this.axis = make("p", "axis");
    this.axis.append(make("span", "", "2 min ago"), make("span", "", "now"));
    this.readout = make("p", "readout");
    this.canvas = svg("svg", { class: "canvas", height: PLOT.height, "aria-hidden": "true" });
    this.shapes = {
      grid: svg("g", { class: "grid" }),
      labels: svg("g", { class: "labels" }),
      area: svg("path", { class: `area ${options.series[0].style}` }),
      limit: svg("path", { class: "limit" }),
      lines: options.series.map((series) => svg("path", { class: `line ${series.style}` })),
      cursor: svg("path", { class: "cursor" }),
    };
    const { grid, labels, area, limit, lines, cursor } = this.shapes;
    this.canvas.append(grid, area, limit, ...lines, cursor, labels);
    this.plot.append(this.canvas);
    card.append(this.values.length > 0 ? this.legend : this.note, this.plot, this.axis, this.readout);
    this.listen();
    this.describe();
  }

  listen() {
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("focus", () => this.describe());
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerdown", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.cursor.set(null);
    });
  }

  key(event) {
    const { points } = this.timeline;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const last = points.length - 1;
    const index = this.index();
    let next;
    if (event.key in steps) next = Math.min(last, Math.max(0, index + steps[event.key]));
    else if (event.key === "Home") next = 0;
    else if (event.key === "End" || event.key === "Escape") next = last;
    else return;
    event.preventDefault();
    this.cursor.set(next >= last ? null : points[next].at);
    this.describe();
  }

  point(event) {
    const { points } = this.timeline;
    if (points.length === 0) return;
    const at = this.time(event.clientX - this.plot.getBoundingClientRect().left);
    const nearest = points.reduce((best, p) => (Math.abs(p.at - at) < Math.abs(best.at - at) ? p : best));
    this.cursor.set(nearest.at);
  }

  // The place of the chosen moment among the points; the last for "now" and for one that is gone.
  index() {
    const found = this.timeline.points.findIndex((point) => point.at === this.cursor.at);
    return found < 0 ? this.timeline.points.length - 1 : found;
  }

  texts(point) {
    return this.options.series.map((series) => this.options.format(point?.[series.key]));
  }

  // For screen readers; not at each answer, or they would never be silent.
  describe() {
    const point = this.timeline.points[this.index()];
    const moment = this.cursor.at === null ? "now" : formatClock(point.clock);
    const values = this.texts(point).map((text, i) => {
      const value = text === NOTHING ? "no value" : text;
      return this.options.series.length > 1 ? `${this.options.series[i].name} ${value}` : value;
    });
    const ago = point === undefined ? 0 : (point.at - this.timeline.points.at(-1).at) / 1000;
    this.plot.setAttribute("aria-valuenow", Math.round(ago));
    this.plot.setAttribute("aria-valuetext", `${moment}: ${values.join(", ")}`);
  }

  scale() {
    const { series, limit, floor, top } = this.options;
    const keys = [...series.map((one) => one.key), ...(limit ? [limit] : [])];
    const values = this.timeline.points.flatMap((point) => keys.map((key) => point[key]));
    const known = values.map((value) => (value === Infinity ? top : value)).filter((v) => v > 0);
    this.ceiling = niceCeiling(Math.max(floor, ...known));
  }

  x(at) {
    const span = this.width - PLOT.left - PLOT.right;
    const now = this.timeline.points.at(-1).at;
    return PLOT.left + span * (1 - (now - at) / HISTORY_MS);
  }

  time(x) {
    const span = this.width - PLOT.left - PLOT.right;
    return this.timeline.points.at(-1).at - HISTORY_MS * (1 - (x - PLOT.left) / span);
  }

  y(value) {
    const span = PLOT.height - PLOT.top - PLOT.bottom;
    return PLOT.top + span * (1 - Math.min(value, this.ceiling) / this.ceiling);
  }

  // The parts of a line, between gaps, as lists of [x, y].
  runs(key) {
    const runs = [];
    let run = null;
    for (const point of this.timeline.points) {
      const value = point[key];
      if (value === null || value === undefined) {
        run = null;
        continue;
      }
      if (run === null) runs.push((run = []));
      run.push([Math.max(PLOT.left, this.x(point.at)).toFixed(1), this.y(value).toFixed(1)]);
    }
    return runs;
  }

  draw() {
    const { points } = this.timeline;
    this.canvas.setAttribute("width", this.width);
    this.scale();
    this.drawGrid();
    if (points.length === 0) return;
    const path = (run) => `M${run.map(([x, y]) => `${x} ${y}`).join("L")}l0 0`;
    this.options.series.forEach((series, i) => {
      this.shapes.lines[i].setAttribute("d", this.runs(series.key).map(path).join(""));
    });
    const base = this.y(0).toFixed(1);
    const area = (run) => `${path(run)}L${run.at(-1)[0]} ${base}L${run[0][0]} ${base}Z`;
    this.shapes.area.setAttribute("d", this.runs(this.options.series[0].key).map(area).join(""));
    if (this.options.limit) {
      this.shapes.limit.setAttribute("d", this.runs(this.options.limit).map(path).join(""));
    }
    this.values.forEach((value, i) => setText(value, this.texts(points.at(-1))[i]));
    this.drawCursor();
  }

  drawGrid() {
    const marks = [0, this.ceiling / 2, this.ceiling];
    const lines = marks.map((mark) =>
      svg("path", { d: `M${PLOT.left} ${this.y(mark)}H${this.width - PLOT.right}` }));
    const labels = marks.map((mark) => {
      const label = svg("text", { x: PLOT.left - 6, y: this.y(mark) + 4, "text-anchor": "end" });
      label.textContent = this.options.format(mark);
      return label;
    });
    this.shapes.grid.replaceChildren(...lines);
    this.shapes.labels.replaceChildren(...labels);
  }

  drawCursor() {
    const chosen = this.cursor.at !== null;
    const point = this.timeline.points[this.index()];
    this.axis.hidden = chosen;
    this.readout.hidden = !chosen;
    if (!chosen) {
      this.shapes.cursor.setAttribute("d", "");
      return;
    }
    const x = Math.max(PLOT.left, this.x(point.at)).toFixed(1);
    this.shapes.cursor.setAttribute("d", `M${x} ${PLOT.top}V${PLOT.height - PLOT.bottom}`);
    const values = this.texts(point).map((text, i) =>
      (this.options.series.length > 1 ? `${this.options.series[i].name} ${text}` : text));
    setText(this.readout, `${formatClock(point.clock)}  ${values.join(" · ")}`);
  }

  // No value of a service that does not answer looks like one of now.
  forget() {
    setText(this.note, "");
    for (const value of this.values) setText(value, NOTHING);
  }
}
