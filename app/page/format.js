// Numbers as text, each with its unit.

const NOTHING = "–";

function formatNumber(value) {
  if (value === null || value === undefined) return NOTHING;
  const digits = value > 0 && value < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Infinity is a value above a histogram's last bound, of which no more is known.
function formatSeconds(value, lastBound) {
  if (value === null || value === undefined) return NOTHING;
  if (value === Infinity) return `> ${formatSeconds(lastBound)}`;
  if (value >= 1) return `${value.toLocaleString("en", { maximumFractionDigits: 2 })} s`;
  return `${formatNumber(value * 1000)} ms`;
}

// The two greatest units: "3 d 4 h".
function formatAge(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([value], i) => i === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`).join(" ");
}

function formatClock(time) {
  return new Date(time).toLocaleTimeString("en", { hour12: false });
}

// A text that is the same already is left alone, so that a selection in it stays.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
