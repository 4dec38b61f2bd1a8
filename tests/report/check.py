"""Looks at the report of a real search in a real browser. Then plants faults, to show that each
check can find one.

    check.py ENASD ENASCTL CONFIG [SCREENSHOT]

The daemon searches as CONFIG says until there is a champion. `chromium` is taken from PATH.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from page import Page

PATIENCE_SECONDS = 300
BROWSER_SECONDS = 120
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
]
# Tells by attributes what only a laid out page knows, and sorts by what nets have once retrained,
# twice: recurrent cells all have the same parameters.
PROBE = """<script>
const root = document.documentElement;
root.dataset.wide = root.scrollWidth;
root.dataset.room = root.clientWidth;
const heads = [...document.querySelectorAll("table.sorts th")];
const button = heads.find((head) => head.textContent === "retrained").querySelector("button");
const told = () => [...document.querySelectorAll("table.sorts tbody tr")]
  .map((row) => row.cells[4].dataset.v).join(" ");
button.click();
root.dataset.down = told();
button.click();
root.dataset.up = told();
</script></body>"""


def main(enasd: str, enasctl: str, config: str, screenshot: str | None = None):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report, status = searched(folder, enasd, enasctl, config)
        text = report.read_text()
        expect_none("the page", page_faults(text, status))
        expect_none("the browser", browser_faults(folder, text))
        picture = folder / "report.png"
        browse(folder, text, [f"--screenshot={picture}", "--window-size=1100,2600"])
        if picture.read_bytes()[:8] != b"\x89PNG\r\n\x1a\n" or picture.stat().st_size < 20_000:
            raise SystemExit("the screenshot shows nothing")
        paper = folder / "report.pdf"
        browse(folder, text, [f"--print-to-pdf={paper}", "--no-pdf-header-footer"])
        if paper.read_bytes()[:5] != b"%PDF-":
            raise SystemExit("the page does not print")
        count = find_planted(folder, text, status)
        if screenshot:
            shutil.copy(picture, screenshot)
    print(f"{len(text)} bytes, {len(Page(text).svgs)} drawings; {count} planted faults found")


def searched(folder: Path, enasd: str, enasctl: str, config: str) -> tuple[Path, dict]:
    """A report of a search with a champion, and the status of the daemon then."""
    command = [enasd, "run", "--config", config, "--state", folder / "state",
               "--socket", folder / "socket", "--metrics", "off"]

    def ask(*args: str) -> str:
        asked = [enasctl, *args, "--socket", folder / "socket"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            time.sleep(0.5)
            try:
                status = json.loads(ask("status", "--output", "json"))
                if status["finals"]["champion"] and 1 < status["place"]["cycle"]:
                    break
            except subprocess.CalledProcessError:
                pass  # It starts.
            if end < time.monotonic() or daemon.poll() is not None:
                raise SystemExit(f"no champion came:\n{(folder / 'log').read_text()[-3000:]}")
        ask("pause")
        status = json.loads(ask("status", "--output", "json"))
        report = folder / "report.html"
        ask("report", "-o", str(report))
        champion, arm = (status["finals"]["champion"][key] for key in ("id", "arm"))
        why = json.loads(ask("why", champion, "--output", "json"))
        expect_none("why", why_faults(why, arm))
        print(ask("why", champion))
    finally:
        daemon.terminate()
        daemon.wait()
    return report, status


def why_faults(why: dict, arm: str) -> list:
    # What the control arm draws to be retrained is ranked with nothing: the rows are the policy's.
    known = ["first", "why"] + (["rank"] if arm == "derive" else [])
    faults = [f"no {key} of the champion" for key in known if not why[key]]
    if not why["is_champion"] or not why["rulings"]:
        faults.append("the champion is not told as such")
    if not why["retrainings"]:
        faults.append("the champion was never retrained")
    return faults


def page_faults(text: str, status: dict) -> list:
    """What can be said of the page without a browser."""
    page, faults = Page(text), []
    faults += [f"misnested: {one}" for one in page.misnested]
    for address in page.addresses:
        if not address.startswith("data:"):
            faults.append(f"asks for {address}")
    if re.search(r"@import|url\(\s*[\"']?(?!data:)", text):
        faults.append("the style asks for something")
    if "width=device-width" not in page.viewport:
        faults.append("no viewport for phones")
    if "@media print" not in text:
        faults.append("no style for print")
    if page.headings[:1] != [1] or any(b - a > 1 for a, b in zip(page.headings, page.headings[1:])):
        faults.append(f"levels of headings: {page.headings}")
    faults += [f"a drawing without {lack}" for svg in page.svgs for lack in svg.lacks()]
    double = sorted({one for one in page.ids if page.ids.count(one) > 1})
    faults += [f"the id {one} is there twice" for one in double]
    champion, comparison = status["finals"]["champion"], status["finals"]["comparison"]
    learnt = status["diagnosis"]["learnt"]
    for words in [status["advantage"]["sentence"][1:], learnt["sentence"][1:],
                  comparison["sentence"][1:], champion["id"], status["data"]["blake3"],
                  status["version"]]:
        if words not in page.text:
            faults.append(f"does not say: {words}")
    if len(page.rows) < 2:
        faults.append(f"{len(page.rows)} rows of retrained architectures")
    return faults


def browser_faults(folder: Path, text: str) -> list:
    """What a browser makes of the page."""
    faults = []
    dom, said = dump(folder, text)
    faults += [f"said: {line}" for line in said]
    page = Page(dom)
    if page.buttons != page.heads or not page.heads:
        faults.append(f"{page.buttons} of {page.heads} heads sort")
    # Where scripts are off, so is what dumps the page: it has none instead.
    plain, _ = dump(folder, re.sub("<script>.*?</script>", "", text, flags=re.DOTALL))
    if Page(plain).rows != Page(text).rows or Page(plain).buttons:
        faults.append("without scripts the table is another")
    for size in ["500,900", "1400,900"]:
        probed, said = dump(folder, text.replace("</body>", PROBE), [f"--window-size={size}"])
        faults += [f"said: {line}" for line in said]
        root = Page(probed).root
        if int(root.get("data-room", 0)) < int(root.get("data-wide", 1)):
            faults.append(f"at {size} it is {root.get('data-wide')} wide, and wider than the room")
        down, up = ([float(v) for v in root.get(way, "0").split()] for way in ["data-down", "data-up"])
        if down != sorted(down, reverse=True) or up != sorted(up) or len(up) < 2:
            faults.append(f"sorted by retrained nets: {down}, then {up}")
    return faults


def dump(folder: Path, text: str, flags: list = ()) -> tuple[str, list]:
    """The page as the browser has it in the end, and what that says of it."""
    done = browse(folder, text, ["--dump-dom", "--enable-logging=stderr", "--v=0", *flags])
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def browse(folder: Path, text: str, flags: list) -> subprocess.CompletedProcess:
    path = folder / "shown.html"
    path.write_text(text)
    with tempfile.TemporaryDirectory(dir=folder) as profile:
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", *flags, path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=BROWSER_SECONDS)
    if done.returncode:
        raise SystemExit(f"chromium ends with {done.returncode}:\n{done.stderr[-3000:]}")
    return done


def find_planted(folder: Path, text: str, status: dict) -> int:
    """Plants faults one at a time, and sees that each is found."""
    in_the_page = [
        ("<h1>", '<img src="https://example.org/x.png"><h1>', "asks for https://example.org/x.png"),
        ("<h1>", "<h3>x</h3><h1>", "levels of headings"),
        ("<title id=", "<x id=", "a drawing without a title"),
        ("width=device-width", "width=800", "no viewport"),
        ("</dl>", "", "misnested"),
        (status["data"]["blake3"], "unknown", "does not say"),
    ]
    in_the_browser = [
        ("const heads =", "nothing(); const heads =", "said: "),
        ("<h1>", '<img src="https://example.org/x.png"><h1>', "said: "),
        ("down ? -1 : 1", "down ? 1 : 1", "sorted by retrained nets"),
        ("<h1>", '<h1 style="width: 90rem">', "wider than the room"),
        ("button.type", "head.remove(); button.type", "heads sort"),
    ]
    for faults, look in [
        (in_the_page, lambda planted: page_faults(planted, status)),
        (in_the_browser, lambda planted: browser_faults(folder, planted)),
    ]:
        for old, new, expected in faults:
            if old not in text:
                raise SystemExit(f"cannot be planted, for it is not there: {old}")
            found = look(text.replace(old, new, 1))
            if not any(expected in fault for fault in found):
                raise SystemExit(f"planted, and not found: {expected}\nfound: {found}")
    return len(in_the_page) + len(in_the_browser)


def expect_none(what: str, faults: list):
    if faults:
        raise SystemExit(f"{what}:\n  " + "\n  ".join(faults))
    print(f"{what}: ok", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
