// Puts the page together.

const element = (id) => document.getElementById(id);
const timeline = new Timeline();
const cursor = new Cursor();
const workers = new Workers(element("worker-rows"));
const silence = { lasts: false, reason: "" };
let state = ""; // what the state's text is now, without its seconds
let warned = new Set();

const plain = (unit) => (value) =>
  (value === null || value === undefined ? NOTHING : `${formatNumber(value)}${unit}`);
const charts = {
  throughput: new Chart(element("throughput"), timeline, cursor, {
    title: "Throughput",
    series: [{ key: "throughput", name: "completed", style: "a" }],
    format: plain("/s"),
    floor: 5,
  }),
  latency: new Chart(element("latency"), timeline, cursor, {
    title: "Request duration",
    series: [{ key: "p50", name: "p50", style: "a" }, { key: "p99", name: "p99", style: "b" }],
    format: (value) => formatSeconds(value, 2),
    floor: 0.05,
    top: 2,
  }),
  wait: new Chart(element("wait"), timeline, cursor, {
    title: "Queue wait",
    series: [{ key: "wait50", name: "p50", style: "a" }, { key: "wait99", name: "p99", style: "b" }],
    format: (value) => formatSeconds(value, 1),
    floor: 0.01,
    top: 1,
  }),
  sheds: new Chart(element("sheds"), timeline, cursor, {
    title: "Shed by workers",
    series: [
      { key: "deadline", name: "deadline", style: "a" },
      { key: "queue", name: "queue", style: "b" },
      { key: "client_gone", name: "client gone", style: "c" },
    ],
    format: plain("/s"),
    floor: 1,
  }),
  lanes: new Chart(element("lanes"), timeline, cursor, {
    title: "Lanes busy",
    series: [{ key: "busy", name: "busy", style: "a" }],
    limit: "lanes",
    format: plain(""),
    floor: 2,
  }),
  queue: new Chart(element("queue"), timeline, cursor, {
    title: "Listen queue",
    series: [{ key: "depth", name: "waiting", style: "a" }],
    format: plain(""),
    floor: 4,
  }),
};

// All news of one answer in one text: the next would take the place of the one before.
const news = [];
function announce(text) {
  if (news.push(text) > 1) return;
  queueMicrotask(() => setText(element("announcement"), news.splice(0).join(". ")));
}

// level: good, busy, bad or wait. detail is shown, but does not make the state another one.
function showState(level, text, detail = "") {
  element("state").dataset.level = level;
  setText(element("state-text"), text + detail);
  document.title = `${level === "good" ? "" : `${text} – `}bcryptd ${location.host}`;
  if (state !== text) announce(text);
  state = text;
}

// A client that left is no sign of it.
function overloaded(point) {
  return point.deadline + point.queue > 0;
}

function warningsOf(status, metrics, point) {
  const list = [];
  const ill = status.workers.filter((worker) => worker.state === "empty" || worker.state === "starting");
  const found = metrics.samples("bcryptd_engine_fallbacks_total").filter((sample) => sample.value > 0);
  const different = metrics.by("bcryptd_cross_checks_total", "result").different ?? 0;
  const full = status.sockets.filter((socket) => socket.limit > 0 && socket.depth >= socket.limit);
  if (status.draining) list.push("Stopping: no new requests are taken up, those that are here are finished.");
  if (ill.length > 0) {
    list.push(`${ill.length} of ${status.workers_max} workers not up: ${ill.map((w) => w.number).join(", ")}.`);
  }
  for (const { labels, value } of found) {
    list.push(`Engine fallback: the lanes computed a wrong hash ${formatNumber(value)} × ` +
      `(found by: ${labels.found_by}). Those workers use libxcrypt.`);
  }
  if (different > 0) list.push(`${formatNumber(different)} cross-checks found a different hash.`);
  for (const socket of full) list.push(`The listen queue of ${socket.socket} is full.`);
  if (overloaded(point)) list.push("Overload: workers refuse requests that would come too late.");
  return list;
}

function showWarnings(list, quiet = false) {
  // A number that grows is no news.
  const key = (text) => text.replace(/\d[\d,]*/g, "");
  const unheard = list.filter((text) => !warned.has(key(text)));
  if ([...element("warnings").children].map((item) => item.textContent).join() !== list.join()) {
    element("warnings").replaceChildren(...list.map((text) => make("li", "", text)));
  }
  for (const text of unheard) if (!quiet) announce(text);
  warned = new Set(list.map(key));
}

function showFacts(status, metrics, sample) {
  const options = metrics.by("bcryptd_option", "name");
  setText(element("version"), status.version);
  setText(element("uptime"), formatAge(status.uptime_ms));
  setText(element("workers-up"), `${status.workers_up} of ${status.workers_max}`);
  setText(element("cost"), formatNumber(options.cost));
  setText(element("deadline"), `${formatNumber(options["deadline-ms"])} ms`);
  setText(element("hashes-total"), formatNumber(sample.hashes));
  setText(element("requests-total"), formatNumber(sample.requests));
}

function showNumbers(point) {
  const numbers = {
    throughput: formatNumber(point.throughput),
    latency: charts.latency.options.format(point.p99),
    wait: charts.wait.options.format(point.wait99),
    sheds: formatNumber(point.shed),
    lanes: formatNumber(point.busy),
    queue: formatNumber(point.depth),
  };
  for (const [id, text] of Object.entries(numbers)) setText(element(id).querySelector("[data-now]"), text);
  setText(element("lanes-limit"), formatNumber(point.lanes));
  setText(element("queue-limit"), formatNumber(point.depthLimit));
}

function showNotes(status, point) {
  const pool = status.sockets.filter((socket) => socket.socket.startsWith("pool-"));
  const fullest = pool.reduce((most, socket) => ((socket.depth ?? 0) > (most.depth ?? 0) ? socket : most));
  const empty = fullest.depth === undefined ? "not measured" : "nobody waits";
  setText(charts.throughput.note, `mean time of a hash: ${formatSeconds(point.hashMean)}`);
  setText(charts.lanes.note, "dashed: the lanes there are");
  setText(charts.queue.note, fullest.depth > 0
    ? `longest: ${fullest.socket}, ${formatNumber(fullest.depth)} of ${formatNumber(fullest.limit)}`
    : empty);
}

function stateOf(status, ready, point) {
  if (status.draining) return ["bad", "Stopping"];
  if (status.workers_up === 0) return ["bad", "No worker is up"];
  if (ready !== "") return ["bad", `Not ready: ${ready}`];
  if (overloaded(point)) return ["busy", "Ready, overloaded"];
  return ["good", "Ready"];
}

// A chosen moment that has left the charts is let go: a finger cannot take it back.
function drawCharts() {
  if (cursor.at !== null && cursor.at < timeline.points[0].at) cursor.set(null);
  for (const chart of Object.values(charts)) chart.draw();
}

function showAnswer({ status, metrics, ready, at }) {
  const sample = readSample(status, metrics, at);
  timeline.add(sample);
  const point = timeline.points.at(-1);
  showFacts(status, metrics, sample);
  showNumbers(point);
  showNotes(status, point);
  showState(...stateOf(status, ready, point));
  showWarnings(warningsOf(status, metrics, point));
  const replaced = workers.show(status.workers);
  if (replaced.length > 0) announce(`Replaced: worker ${replaced.join(", ")}`);
  showSockets(element("sockets"), status.sockets);
  drawCharts();
  document.body.dataset.answers = Number(document.body.dataset.answers ?? 0) + 1;
}

function showSilence() {
  const seconds = Math.floor((monotonic() - poller.lastAnswer) / 1000);
  showState("bad", "No answer", ` for ${seconds} s${silence.reason ? ` (${silence.reason})` : ""}`);
}

function showFailure(reason) {
  timeline.addGap(monotonic());
  silence.lasts = true;
  silence.reason = reason;
  showNumbers({});
  showSilence();
  // The state tells of it; this is for those who look.
  const last = timeline.samples.at(-1);
  const quiet = true;
  showWarnings(last === undefined ? [] : [
    `Totals, workers and sockets are those of the last answer, at ${formatClock(last.clock)}.`,
  ], quiet);
  drawCharts();
  for (const chart of Object.values(charts)) chart.forget();
}

const poller = new Poller((result) => {
  silence.lasts = false;
  showAnswer(result);
}, showFailure);

// The seconds go on between two tries.
setInterval(() => silence.lasts && !poller.paused && showSilence(), 1000);

element("pause").addEventListener("click", () => {
  poller.pause(!poller.paused);
  setText(element("pause"), poller.paused ? "Resume" : "Pause");
  if (poller.paused) showState("wait", `Paused at ${formatClock(Date.now())}`);
  else showState("wait", "Waiting for an answer");
});

setText(element("where"), location.host);
for (const chart of Object.values(charts)) chart.draw();
poller.soon();
