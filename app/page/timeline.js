// Two minutes of answers, and the values that are drawn of them.

const HISTORY_MS = 120_000;
const RATE_MS = 5_000;
const QUANTILE_MS = 10_000;
const SHED_REASONS = ["deadline", "queue", "client_gone"];

// What one pair of answers says.
function readSample(status, metrics, at) {
  const pool = status.sockets.filter((socket) => socket.socket.startsWith("pool-"));
  const known = pool.filter((socket) => socket.depth !== undefined);
  return {
    at,
    clock: Date.now(),
    start: metrics.sum("bcryptd_start_time_seconds"),
    hashes: metrics.sum("bcryptd_hashes_total"),
    requests: metrics.sum("bcryptd_requests_total"),
    sheds: metrics.by("bcryptd_shed_total", "reason"),
    duration: metrics.histogram("bcryptd_request_duration_seconds"),
    wait: metrics.histogram("bcryptd_queue_wait_seconds"),
    hashCount: metrics.sum("bcryptd_hash_duration_seconds_count"),
    hashSeconds: metrics.sum("bcryptd_hash_duration_seconds_sum"),
    lanes: metrics.sum("bcryptd_lanes"),
    busy: metrics.sum("bcryptd_lane_occupancy"),
    depth: known.length > 0 ? known.reduce((sum, socket) => sum + socket.depth, 0) : null,
    depthLimit: known.length > 0 ? known.reduce((sum, socket) => sum + socket.limit, 0) : null,
  };
}

class Timeline {
  samples = []; // as they were read, of the running service
  points = []; // as they are drawn; one without values is a gap

  add(sample) {
    // Counters begin anew with the service.
    if (this.samples.length > 0 && this.samples.at(-1).start !== sample.start) this.samples = [];
    this.samples.push(sample);
    this.push(this.point(sample));
  }

  addGap(at) {
    this.push({ at, clock: Date.now() });
  }

  push(point) {
    const start = point.at - HISTORY_MS;
    this.points.push(point);
    // One before the start is kept, for the line that comes from it.
    while (this.points.length > 2 && this.points[1].at < start) this.points.shift();
    // The last one is kept, however long ago: the next tells by it whether the service is the same.
    while (this.samples.length > 1 && this.samples[0].at < start) this.samples.shift();
  }

  // The oldest sample that is at most this old; null where there is none but the last.
  before(sample, age) {
    const found = this.samples.find((other) => sample.at - other.at <= age);
    return found === undefined || found === sample ? null : found;
  }

  point(sample) {
    const point = {
      at: sample.at,
      clock: sample.clock,
      busy: sample.busy,
      lanes: sample.lanes,
      depth: sample.depth,
      depthLimit: sample.depthLimit,
    };
    const base = this.before(sample, RATE_MS);
    if (base !== null) {
      const rate = (now, then) => ((now - then) * 1000) / (sample.at - base.at);
      point.throughput = rate(sample.hashes, base.hashes);
      for (const reason of SHED_REASONS) point[reason] = rate(sample.sheds[reason], base.sheds[reason]);
      point.shed = SHED_REASONS.reduce((sum, reason) => sum + point[reason], 0);
    }
    const old = this.before(sample, QUANTILE_MS);
    if (old !== null) {
      const hashes = sample.hashCount - old.hashCount;
      point.hashMean = hashes > 0 ? (sample.hashSeconds - old.hashSeconds) / hashes : null;
      point.p50 = quantile(0.5, old.duration, sample.duration);
      point.p99 = quantile(0.99, old.duration, sample.duration);
      point.wait50 = quantile(0.5, old.wait, sample.wait);
      point.wait99 = quantile(0.99, old.wait, sample.wait);
    }
    return point;
  }
}
