"""Has a daemon search until there is a champion, and takes it away as its README says.

    champion.py ENASD ENASCTL CONFIG

The data are the embedded images, or the novels of the tests. `model.onnx` must have as many of the test
images right as the card says that the daemon has, or the perplexity of the test text that it says,
and the Python of the champion's README must answer what `enasctl predict` does.
"""

import gzip
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = REPOSITORY / "src/data/embedded/fashion-mnist"
TEXT = REPOSITORY / "tests/novels/test.txt"
TOLERANCE = 1e-4
# Words that onnxruntime reads at once: more than the daemon does.
AT_ONCE = 200
# Next words that are compared: as many as the README prints.
NEXT = 5


def read(name: str, head: int) -> np.ndarray:
    packed = (IMAGES / name).read_bytes()
    return np.frombuffer(gzip.decompress(packed), np.uint8, offset=head)


def searched(folder: Path, enasd: str, config: str) -> Path:
    """The folder of the champion of one cycle."""
    run = [enasd, "run", "--config", config, "--until", "cycles=1", "--state", folder / "state"]
    subprocess.run([*run, "--socket", folder / "s", "--metrics", "off"], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    [champion] = (folder / "state/champions").iterdir()
    return champion


def check_test_split(champion: Path, images: np.ndarray, labels: np.ndarray):
    """onnxruntime has as many right as the daemon certified."""
    session = onnxruntime.InferenceSession(champion / "model.onnx")
    [probabilities] = session.run(["probabilities"], {"images": images})
    right = int((probabilities.argmax(1) == labels).sum())
    told = json.loads((champion / "card.json").read_text())["test"]
    print(f"{champion.name}: {right} of {len(labels)} test images in onnxruntime, "
          f"{told['correct']} of {told['items']} by its card")
    if (right, len(labels)) != (told["correct"], told["items"]):
        raise SystemExit("the net that was taken away is not the one that was certified")


def of_readme(champion: Path) -> str:
    """What the Python of its README prints."""
    program = re.search(r"```python\n(.*?)```", (champion / "README.md").read_text(), re.S)[1]
    return subprocess.run([sys.executable, "-c", program], cwd=champion, check=True,
                          capture_output=True, text=True).stdout


def predicted(enasctl: str, champion: Path, *args: str | Path, text: bytes = b"") -> dict:
    """What `enasctl predict` says."""
    predict = [enasctl, "predict", "--model", champion, "--output", "json", *args]
    return json.loads(subprocess.run(predict, input=text, check=True, stdout=subprocess.PIPE).stdout)


def check_readme(champion: Path, enasctl: str, image: np.ndarray):
    """What its README has in Python says what the program says."""
    photo = champion / "photo.png"
    Image.fromarray(image).save(photo)
    ran = of_readme(champion).strip()
    name, probability = ran.rsplit(" ", 1)
    [told] = predicted(enasctl, champion, photo, "--top", "1")["images"][0]["classes"]
    print(f"its README: {ran}; enasctl predict: {told}")
    if name != told["class"] or TOLERANCE < abs(float(probability) - told["probability"]):
        raise SystemExit("the README and the program do not agree")


def perplexity(champion: Path, text: str) -> float:
    """Of a text in onnxruntime, read in one row, of every word but the first."""
    words = json.loads((champion / "labels.json").read_text())["words"]
    number = {word: id for id, word in enumerate(words)}
    lines = (line.split() + ["<eos>"] for line in text.splitlines())
    ids = np.array([number.get(word, number["<unk>"]) for line in lines for word in line])
    session = onnxruntime.InferenceSession(champion / "model.onnx")
    hidden = next(put.shape[1] for put in session.get_inputs() if put.name == "state")
    state, nats = np.zeros((1, hidden), np.float32), 0.0
    for start in range(0, len(ids) - 1, AT_ONCE):
        next_ids = ids[start + 1 : start + 1 + AT_ONCE]
        window = ids[start : start + len(next_ids)].reshape(-1, 1)
        found, state = session.run(["log_probabilities", "next_state"],
                                   {"ids": window, "state": state})
        nats -= found[np.arange(len(next_ids)), 0, next_ids].astype(np.float64).sum()
    return math.exp(nats / (len(ids) - 1))


def check_test_text(champion: Path, enasctl: str, text: bytes):
    """onnxruntime and the program find the perplexity that the daemon certified."""
    told = json.loads((champion / "card.json").read_text())["test"]["perplexity"]
    found = perplexity(champion, text.decode())
    predict = predicted(enasctl, champion, text=text)
    print(f"{champion.name}: the perplexity of the test text is {found} in onnxruntime, {told} by its "
          f"card, {predict['perplexity']} by enasctl predict")
    if not all(abs(one - told) <= TOLERANCE * told for one in (found, predict["perplexity"])):
        raise SystemExit("the net that was taken away is not the one that was certified")


def check_readme_of_words(champion: Path, enasctl: str):
    """What its README has in Python says what the program says."""
    text = re.search(r'^text = "(.*)"$', (champion / "README.md").read_text(), re.M)[1]
    ran = [line.rsplit(" ", 1) for line in of_readme(champion).splitlines()]
    told = predicted(enasctl, champion, "--words", str(NEXT), text=text.encode())["next"]
    print(f"after `{text}`, its README: {ran}; enasctl predict: {told}")
    if len(ran) != NEXT or any(
        word != one["word"] or TOLERANCE < abs(float(probability) - one["probability"])
        for (word, probability), one in zip(ran, told, strict=True)
    ):
        raise SystemExit("the README and the program do not agree")


def main(enasd: str, enasctl: str, config: str):
    with tempfile.TemporaryDirectory() as name:
        champion = searched(Path(name), enasd, config)
        if "words" in json.loads((champion / "labels.json").read_text()):
            check_test_text(champion, enasctl, TEXT.read_bytes())
            check_readme_of_words(champion, enasctl)
            return
        images = read("test-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
        labels = read("test-labels-idx1-ubyte.gz", 8)
        check_test_split(champion, images, labels)
        check_readme(champion, enasctl, images[0, 0])


if __name__ == "__main__":
    main(*sys.argv[1:])
