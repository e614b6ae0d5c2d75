// The table of the workers and the list of the sockets.

const NEW_MS = 15_000;
const COLUMNS = ["Worker", "State", "Lanes busy", "Engine", "Requests", "PID", "Age"];
const NUMBERS = ["Requests", "PID", "Age"];

class Workers {
  rows = new Map();

  constructor(body) {
    this.body = body;
  }

  // Returns the numbers of the workers that are another process than before.
  show(workers) {
    const replaced = [];
    for (const worker of workers) {
      const row = this.rows.get(worker.number) ?? this.addRow(worker.number);
      // Between two processes a row has none: its pid is 0.
      if (worker.pid !== 0 && row.pid !== worker.pid) {
        if (row.pid !== null) replaced.push(worker.number);
        row.changed = row.pid !== null;
        row.pid = worker.pid;
      }
      row.fill(worker);
    }
    this.dropRows(new Set(workers.map((worker) => worker.number)));
    return replaced;
  }

  addRow(number) {
    const row = new WorkerRow(number);
    this.rows.set(number, row);
    this.body.append(row.element);
    return row;
  }

  // A service that was started anew may have fewer workers.
  dropRows(numbers) {
    for (const [number, row] of this.rows) {
      if (numbers.has(number)) continue;
      row.element.remove();
      this.rows.delete(number);
    }
  }
}

class WorkerRow {
  pid = null;
  changed = false;

  constructor(number) {
    this.element = make("tr");
    this.element.setAttribute("role", "row");
    this.element.dataset.worker = number;
    this.cells = {};
    for (const name of COLUMNS) {
      const cell = make(name === "Worker" ? "th" : "td", NUMBERS.includes(name) ? "number" : "");
      cell.setAttribute("role", name === "Worker" ? "rowheader" : "cell");
      if (name === "Worker") cell.scope = "row";
      cell.dataset.label = name;
      this.cells[name] = cell.appendChild(make("span"));
      this.element.append(cell);
    }
    this.state = make("span", "");
    this.mark = make("span", "mark", "replaced");
    this.cells.State.append(make("span", "dot"), this.state, this.mark);
    this.meter = make("span", "meter");
    this.meter.setAttribute("aria-hidden", "true");
    this.busy = make("span", "");
    this.cells["Lanes busy"].append(this.meter, this.busy);
    setText(this.cells.Worker, String(number));
  }

  fill(worker) {
    const runs = worker.pid !== 0;
    this.element.dataset.state = worker.state;
    setText(this.state, worker.state === "empty" ? "not running" : worker.state);
    this.mark.hidden = !this.changed || !runs || worker.age_ms > NEW_MS;
    this.fillMeter(worker);
    setText(this.busy, runs ? `${worker.lanes_busy} of ${worker.lanes}` : NOTHING);
    setText(this.cells.Engine, runs ? worker.engine : NOTHING);
    setText(this.cells.Requests, formatNumber(worker.requests));
    setText(this.cells.PID, runs ? String(worker.pid) : NOTHING);
    setText(this.cells.Age, runs ? formatAge(worker.age_ms) : NOTHING);
  }

  fillMeter(worker) {
    while (this.meter.childElementCount < worker.lanes) this.meter.append(make("i"));
    while (this.meter.childElementCount > worker.lanes) this.meter.lastChild.remove();
    [...this.meter.children].forEach((lane, i) => lane.classList.toggle("on", i < worker.lanes_busy));
  }
}

function showSockets(list, sockets) {
  while (list.childElementCount < sockets.length) {
    const item = make("li");
    item.append(make("span"), make("b"));
    list.append(item);
  }
  while (list.childElementCount > sockets.length) list.lastChild.remove();
  sockets.forEach((socket, i) => {
    const [name, value] = list.children[i].children;
    setText(name, socket.socket);
    setText(value, socket.depth === undefined
      ? "not measured"
      : `${formatNumber(socket.depth)} of ${formatNumber(socket.limit)}`);
  });
}
