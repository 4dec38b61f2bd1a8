"""The table of a comparison: medians over rounds of what `compare.sh` measured, and ratios.

    python ratios.py FOLDER

The folder holds one JSON report for each `NAME.ROUND.PROGRAM.json`; the programs are `enasd` and ways
of PyTorch, of which nets of words do not have all. A ratio is PyTorch's number over that of enasd.
"""

import json
import pathlib
import statistics
import sys

PROGRAMS = ["enasd", "default", "channels_last", "tf32", "compile"]
FIELDS = {"step ms": lambda report: report["step"]["median_ms"],
          "forward ms": lambda report: report["forward"]["median_ms"],
          "RSS MB": lambda report: report["peak_rss_bytes"] / 1e6}


def read(folder):
    """Reports by configuration and program, in the order of the names."""
    reports = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        name, _, program, _ = path.name.rsplit(".", 3)
        reports.setdefault(name, {}).setdefault(program, []).append(json.loads(path.read_text()))
    return reports


def row(name, programs, known):
    counts = {program: len(found) for program, found in programs.items()}
    assert len(set(counts.values())) == 1 and "enasd" in counts, f"{name}: not every program has every round: {counts}"
    work = {(report["params"], report["multiply_adds"])
            for found in programs.values() for report in found}
    assert len(work) == 1, f"{name}: the programs count different work: {work}"
    cells = [name]
    for field in FIELDS.values():
        medians = {program: statistics.median(map(field, found)) for program, found in programs.items()}
        cells += [f"{medians[program]:.1f}" if program in medians else "" for program in known]
        cells += [f"{medians[program] / medians['enasd']:.2f}" if program in medians else ""
                  for program in known[1:]]
    share = statistics.median(report["step"]["peak_share"] for report in programs["enasd"])
    return cells + [f"{100 * share:.0f}%"]


def table(reports):
    seen = {program for programs in reports.values() for program in programs}
    known = [program for program in PROGRAMS if program in seen]
    columns = known + ["ratio"] * len(known[1:])
    lines = [["", *(cell for field in FIELDS for cell in [field, *[""] * (len(columns) - 1)]), "step"],
             ["", *columns * len(FIELDS), "of peak"]]
    lines += [row(name, programs, known) for name, programs in reports.items()]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(" ".join(cell.rjust(width) if column else cell.ljust(width)
                              for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def main():
    reports = read(sys.argv[1])
    if not reports:
        sys.exit(f"ratios.py: there is no report in {sys.argv[1]}")
    lines = table(reports)
    first = {program: found[0] for program, found in next(iter(reports.values())).items()}
    rounds = len(next(iter(reports.values()))["enasd"])
    print(f"medians of {rounds} rounds; ratio = PyTorch / enasd; "
          f"{first['enasd']['threads']} threads, {first['enasd']['instructions']}, "
          f"{first['enasd']['peak_gflops']:.0f} GFLOP/s of its CPU at most")
    print(f"{first['enasd']['executor']} against {first['default']['executor']} and other ways")
    print(lines)
    firsts = {program: statistics.median(report["first_step_ms"] for programs in reports.values()
                                         for report in programs.get(program, []))
              for program in PROGRAMS if program in first}
    print("first steps, with what is compiled there: "
          + ", ".join(f"{program} {ms / 1e3:.1f} s" for program, ms in firsts.items()))


if __name__ == "__main__":
    main()
