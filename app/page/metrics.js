// The Prometheus text format, as far as bcryptd writes it.

class Metrics {
  constructor(text) {
    this.families = new Map();
    for (const line of text.split("\n")) {
      const match = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (match === null) continue;
      const labels = {};
      for (const [, name, value] of (match[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)) labels[name] = value;
      if (!this.families.has(match[1])) this.families.set(match[1], []);
      this.families.get(match[1]).push({ labels, value: Number(match[3]) });
    }
  }

  samples(name) {
    return this.families.get(name) ?? [];
  }

  sum(name, wanted = () => true) {
    return this.samples(name).filter((s) => wanted(s.labels)).reduce((sum, s) => sum + s.value, 0);
  }

  // {label's value: number}
  by(name, label) {
    return Object.fromEntries(this.samples(name).map((s) => [s.labels[label], s.value]));
  }

  // Upper bounds in seconds, the last is Infinity, and how many values were below each.
  histogram(name) {
    const buckets = this.samples(`${name}_bucket`);
    return {
      bounds: buckets.map((s) => (s.labels.le === "+Inf" ? Infinity : Number(s.labels.le))),
      counts: buckets.map((s) => s.value),
    };
  }
}

// The quantile q of what a histogram counted between two moments, in seconds: null when that was
// nothing, Infinity when it is above the last bound.
function quantile(q, before, after) {
  const counts = after.counts.map((count, i) => count - before.counts[i]);
  const total = counts.at(-1);
  if (!(total > 0)) return null;
  const rank = q * total;
  const i = counts.findIndex((count) => count >= rank);
  if (after.bounds[i] === Infinity) return Infinity;
  const below = i > 0 ? counts[i - 1] : 0;
  const start = i > 0 ? after.bounds[i - 1] : 0;
  return start + ((after.bounds[i] - start) * (rank - below)) / (counts[i] - below);
}
