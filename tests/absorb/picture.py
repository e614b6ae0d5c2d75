"""Bars of CPU time on a logarithmic scale, as SVG."""

import math
from xml.sax.saxutils import escape

LEFT, WIDTH, ROW, TOP = 300, 860, 22, 46
FONT = "Helvetica, Arial, sans-serif"


def label(us: float) -> str:
    return f"{us / 1e6:g} s" if us >= 1e6 else f"{us / 1e3:g} ms" if us >= 1e3 else f"{us:g} µs"


def bars(values: dict[str, float]) -> str:
    """Of microseconds, by name."""
    low = math.floor(math.log10(min(values.values())))
    high = math.ceil(math.log10(max(values.values())))
    scale = (WIDTH - LEFT - 100) / (high - low)

    def at(value: float) -> float:
        return LEFT + scale * (math.log10(value) - low)

    bottom = TOP + ROW * len(values)
    height = bottom + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' font-family="{FONT}" font-size="12" fill="#1f2933" role="img"'
        ' aria-label="CPU time of each kind of refusal, and of a hash, on a logarithmic scale">',
        f'  <rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#fdfdfc" stroke="#cbd2d9"/>',
    ]
    for power in range(low, high + 1):
        x = f"{at(10.0**power):.1f}"
        lines.append(f'  <path d="M{x} {TOP - 6}V{bottom}" stroke="#e4e7eb"/>')
        lines.append(
            f'  <text x="{x}" y="{TOP - 14}" text-anchor="middle">{label(10.0**power)}</text>'
        )
    for number, (name, value) in enumerate(values.items()):
        y = TOP + ROW * number
        colour = "#2b5c9e" if "(200)" in name else "#b3261e"
        end = at(value)
        lines.append(
            f'  <text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
        )
        lines.append(
            f'  <rect x="{LEFT}" y="{y + 2}" width="{max(1.0, end - LEFT):.1f}" height="{ROW - 7}" rx="2" fill="{colour}"/>'
        )
        shown = label(float(f"{value:.2g}"))
        lines.append(f'  <text x="{end + 6:.1f}" y="{y + 13}">{shown}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
