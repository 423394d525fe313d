"""A line chart as SVG, by hand: no library, readable in any browser and in a diff."""

import math

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 150, 56, 64
COLOURS = {
    "ringward": "#0b6e4f",
    "ringward-2": "#6a994e",
    "livekit": "#c1121f",
    "janus": "#e08e0b",
    "mediasoup": "#3a6ea5",
}


def chart(title, goal, axis, unit, lines, ticks=None):
    """`lines`: per server, (x, y, lowest, highest). `ticks`: (x, label) where x is no number."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return None
    highest = nice(max(top for *_, top in points) * 1.05)
    xs = [x for x, *_ in points] + [x for x, _ in ticks or []]
    low, high = (0, max(xs)) if not ticks else (min(xs) - 0.5, max(xs) + 0.5)
    if high <= low:
        high = low + 1
    across = lambda x: LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    up = lambda y: HEIGHT - BOTTOM - y / highest * (HEIGHT - TOP - BOTTOM)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="17" font-weight="600">{escape(title)}</text>',
        f'<text x="{LEFT}" y="43" fill="#555">{escape(goal)}</text>',
    ]
    for step in range(6):
        y = highest * step / 5
        out.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}"'
            f' stroke="{"#333" if step == 0 else "#ddd"}"/>'
            f'<text x="{LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{number(y)}</text>'
        )
    for x, label in ticks or [(x, number(x)) for x in sorted(set(xs))]:
        at = across(x)
        slant = f' transform="rotate(-28 {at:.1f} {HEIGHT - BOTTOM + 18})"' if ticks else ""
        anchor = "end" if ticks else "middle"
        out.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{up(0):.1f}" y2="{up(0) + 5:.1f}" stroke="#333"/>'
            f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="{anchor}"{slant}'
            f' font-size="{10 if ticks else 13}">{escape(label)}</text>'
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{escape(axis)}</text>"
        f'<text x="20" y="{middle}" text-anchor="middle" transform="rotate(-90 20 {middle})">'
        f"{escape(unit)}</text>"
    )
    for place, (name, line) in enumerate(lines.items()):
        colour = COLOURS.get(name, "#444")
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, *_ in line)
        if not ticks:
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y, bottom, top in line:
            out.append(
                f'<line x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{up(bottom):.1f}"'
                f' y2="{up(top):.1f}" stroke="{colour}" opacity="0.5"/>'
                f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="4" fill="{colour}">'
                f"<title>{escape(name)}: {number(y)}</title></circle>"
            )
        y = TOP + 20 * place + 10
        out.append(
            f'<circle cx="{WIDTH - RIGHT + 24}" cy="{y - 4}" r="5" fill="{colour}"/>'
            f'<text x="{WIDTH - RIGHT + 36}" y="{y}">{escape(name)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def nice(value):
    """The next 1, 2, 2.5 or 5 times a power of ten: five steps then have round labels."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)


def number(value):
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
