// Asks the service again and again: one request at a time, and less often while no answer comes.

const POLL_MS = 1_000;
const POLL_MAX_MS = 5_000;
const TIMEOUT_MS = 5_000;

// Milliseconds that no change of the clock makes go back.
function monotonic() {
  return performance.timeOrigin + performance.now();
}

class Poller {
  paused = false;
  delay = POLL_MS;
  lastAnswer = monotonic();
  timer = null;
  running = false;

  // answer({status, metrics, ready, at}), failure(text)
  constructor(answer, failure) {
    this.answer = answer;
    this.failure = failure;
    document.addEventListener("visibilitychange", () => document.hidden || this.soon());
    window.addEventListener("online", () => this.soon());
  }

  soon() {
    if (this.paused || this.running) return;
    clearTimeout(this.timer);
    this.run();
  }

  pause(paused) {
    this.paused = paused;
    this.delay = POLL_MS;
    clearTimeout(this.timer);
    if (!paused) this.soon();
  }

  async run() {
    const begin = monotonic();
    this.running = true;
    try {
      const result = await this.ask();
      this.delay = POLL_MS;
      this.lastAnswer = result.at;
      if (!this.paused) this.answer(result);
    } catch (error) {
      if (!this.paused) this.failure(error instanceof ServiceError ? error.message : "");
      this.delay = Math.min(POLL_MAX_MS, this.delay * 2);
    }
    this.running = false;
    // From the beginning of one to that of the next; answers of a slow machine do not pile up.
    const rest = Math.max(POLL_MS / 4, this.delay - (monotonic() - begin));
    if (!this.paused) this.timer = setTimeout(() => this.run(), rest);
  }

  async ask() {
    const status = await (await this.get("status")).json();
    const metrics = new Metrics(await (await this.get("metrics")).text());
    const at = monotonic();
    return { status, metrics, at, ready: await this.unready() };
  }

  async get(path, anyStatus = false) {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok && !anyStatus) throw new ServiceError(`nginx answers ${response.status}`);
    return response;
  }

  // Why no requests should be sent here, "" when they should. bcryptd says {"status": …}, nginx a
  // problem document. Read in any case: only then is the request over.
  async unready() {
    const response = await this.get("readyz", true);
    const body = await response.json();
    return response.ok ? "" : body.title ?? body.status;
  }
}

class ServiceError extends Error {}
