"""Draws what tmux shows as an SVG, for the README.

    tmux capture-pane -pe | draw.py CAPTION > OUT.svg

Blocks and braille dots are drawn as shapes and every run of text is stretched to its columns, so
the picture is the same whatever fonts a browser has.
"""

import re
import sys
from html import escape

CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 17, 12
BACK, TEXT = "#16181d", "#d8d9da"
COLORS = [
    "#16181d", "#e5534b", "#57ab5a", "#d9a928", "#539bf5", "#b083f0", "#39c5cf", "#c0c4c9",
    "#76808c", "#ff938a", "#6bc46d", "#f2cc0c", "#6cb6ff", "#dcbdfb", "#56d4dd", "#ffffff",
]
# Bit of a braille character: column and row of its dot.
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]


class Pen:
    """How the next character looks."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.color, self.bold, self.dim, self.reversed = None, False, False, False

    def take(self, codes):
        numbers = [int(code or 0) for code in codes.split(";")]
        while numbers:
            code = numbers.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 7):
                self.bold, self.dim = self.bold or code == 1, self.dim or code == 2
                self.reversed = self.reversed or code == 7
            elif code == 22:
                self.bold = self.dim = False
            elif code == 27:
                self.reversed = False
            elif code in (38, 48) and numbers[:1] == [5]:
                if code == 38:
                    self.color = numbers[1]
                del numbers[:2]
            elif 30 <= code <= 37:
                self.color = code - 30
            elif 90 <= code <= 97:
                self.color = code - 82
            elif code == 39:
                self.color = None

    def look(self):
        color = TEXT if self.color is None else COLORS[self.color]
        return color, self.bold, self.dim, self.reversed


def cells(line, pen):
    """The characters of a line with their looks."""
    found = []
    for codes, character in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
        if character:
            found.append((character, pen.look()))
        else:
            pen.take(codes)
    return found


def rect(x, y, width, height, color, opacity=1.0):
    shade = "" if opacity == 1.0 else f' opacity="{opacity}"'
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' fill="{color}"{shade}/>'
    )


def shape(character, x, y, color):
    """A block or the dots of a braille character; none for what is text."""
    if character in "█░":
        opacity = 1.0 if character == "█" else 0.25
        return [rect(x, y + 3, CELL_WIDTH, CELL_HEIGHT - 6, color, opacity)]
    bits = ord(character) - 0x2800
    if not 0 < bits < 256:
        return None
    dots = [dot for bit, dot in enumerate(DOTS) if bits >> bit & 1]
    return [
        f'<circle cx="{x + (0.25 + 0.5 * column) * CELL_WIDTH:.1f}"'
        f' cy="{y + (0.125 + 0.25 * row) * CELL_HEIGHT:.1f}" r="1.3" fill="{color}"/>'
        for column, row in dots
    ]


def text(run, x, y, look):
    color, bold, dim, _ = look
    weight = ' font-weight="bold"' if bold else ""
    shade = ' opacity="0.6"' if dim else ""
    return (
        f'<text x="{x:.1f}" y="{y + 0.76 * CELL_HEIGHT:.1f}" fill="{color}"{weight}{shade}'
        f' textLength="{len(run) * CELL_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(run)}</text>"
    )


def draw_line(line, y):
    out, idx = [], 0
    while idx < len(line):
        character, look = line[idx]
        x = MARGIN + idx * CELL_WIDTH
        color = look[0]
        if look[3]:
            out.append(rect(x, y, CELL_WIDTH, CELL_HEIGHT, color))
            look = (BACK, *look[1:])
        drawn = shape(character, x, y, color)
        if drawn is not None:
            out += drawn
            idx += 1
            continue
        run = character
        while (
            not look[3]
            and idx + len(run) < len(line)
            and line[idx + len(run)][1] == look
            and shape(line[idx + len(run)][0], 0, 0, "") is None
            and not (run.endswith(" ") and line[idx + len(run)][0] == " ")
        ):
            run += line[idx + len(run)][0]
        if run.strip():
            out.append(text(run, x, y, look))
        idx += len(run)
    return out


def main():
    caption = sys.argv[1]
    pen = Pen()
    lines = [cells(line, pen) for line in sys.stdin.read().rstrip("\n").split("\n")]
    columns = max(len(line) for line in lines)
    width = 2 * MARGIN + columns * CELL_WIDTH
    height = 3 * MARGIN + (len(lines) + 1) * CELL_HEIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14"'
        ' xml:space="preserve">',
        f"<title>{escape(caption)}</title>",
        rect(0, 0, width, height, BACK),
    ]
    for row, line in enumerate(lines):
        out += draw_line(line, MARGIN + row * CELL_HEIGHT)
    y = 2 * MARGIN + len(lines) * CELL_HEIGHT
    out.append(
        f'<text x="{MARGIN}" y="{y + 0.76 * CELL_HEIGHT:.1f}" fill="#8e8e8e" font-size="12">'
        f"{escape(caption)}</text>"
    )
    print("\n".join([*out, "</svg>"]))


main()
