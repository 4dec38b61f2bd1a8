"""The table of a comparison: medians over rounds of what `compare.sh` measured, and ratios.

    python ratios.py FOLDER

The folder holds one JSON report for each `NAME.ROUND.PROGRAM.json`; the programs are `enasd`,
`default` and `channels_last`, which nets of words do not have. A ratio is PyTorch's number over that
of enasd.
"""

import json
import pathlib
import statistics
import sys

PROGRAMS = ["enasd", "default", "channels_last"]
FIELDS = {"step ms": lambda report: report["step"]["median_ms"],
          "forward ms": lambda report: report["forward"]["median_ms"],
          "RSS MB": lambda report: report["peak_rss_bytes"] / 1e6}


def read(folder):
    """Reports by configuration and program, in the order of the names."""
    reports = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        name, _, program, _ = path.name.rsplit(".", 3)
        programs = reports.setdefault(name, {program: [] for program in PROGRAMS})
        programs[program].append(json.loads(path.read_text()))
    return reports


def row(name, programs):
    counts = {program: len(found) for program, found in programs.items()
              if found or program != "channels_last"}
    assert len(set(counts.values())) == 1 and counts["enasd"], f"{name}: not every program has every round: {counts}"
    work = {(report["params"], report["multiply_adds"])
            for found in programs.values() for report in found}
    assert len(work) == 1, f"{name}: the programs count different work: {work}"
    cells = [name]
    for field in FIELDS.values():
        medians = [statistics.median(map(field, programs[program])) for program in counts]
        missing = [""] * (len(PROGRAMS) - len(counts))
        cells += [f"{median:.0f}" for median in medians] + missing
        cells += [f"{median / medians[0]:.2f}" for median in medians[1:]] + missing
    share = statistics.median(report["step"]["peak_share"] for report in programs["enasd"])
    return cells + [f"{100 * share:.0f}%"]


def table(reports):
    columns = ["enasd", "default", "ch_last", "ratio", "ratio"]
    lines = [["", *(cell for field in FIELDS for cell in [field, *[""] * 4]), "step"],
             ["", *columns * len(FIELDS), "of peak"]]
    lines += [row(name, programs) for name, programs in reports.items()]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(" ".join(cell.rjust(width) if column else cell.ljust(width)
                              for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def main():
    reports = read(sys.argv[1])
    if not reports:
        sys.exit(f"ratios.py: there is no report in {sys.argv[1]}")
    lines = table(reports)
    first = {program: found[0] for program, found in next(iter(reports.values())).items() if found}
    rounds = len(next(iter(reports.values()))["enasd"])
    print(f"medians of {rounds} rounds; ratio = PyTorch / enasd; "
          f"{first['enasd']['threads']} threads, {first['enasd']['instructions']}, "
          f"{first['enasd']['peak_gflops']:.0f} GFLOP/s at most")
    print(f"{first['enasd']['executor']} against {first['default']['executor']} and channels_last")
    print(lines)


if __name__ == "__main__":
    main()
