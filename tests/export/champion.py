"""Has a daemon search until there is a champion, and takes it away as its README says.

    champion.py ENASD ENASCTL CONFIG

The data are the embedded images. `model.onnx` must have as many of the test images right as the
card says that the daemon has, and the Python of the champion's README must answer what
`enasctl predict` does.
"""

import gzip
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

IMAGES = Path(__file__).resolve().parents[2] / "src/data/embedded/fashion-mnist"
TOLERANCE = 1e-4


def read(name: str, head: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((IMAGES / name).read_bytes()), np.uint8, offset=head)


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


def check_readme(champion: Path, enasctl: str, image: np.ndarray):
    """What its README has in Python says what the program says."""
    photo = champion / "photo.png"
    Image.fromarray(image).save(photo)
    program = re.search(r"```python\n(.*?)```", (champion / "README.md").read_text(), re.S)[1]
    ran = subprocess.run([sys.executable, "-c", program], cwd=champion, check=True,
                         capture_output=True, text=True).stdout
    name, probability = ran.strip().rsplit(" ", 1)
    predict = [enasctl, "predict", "--model", champion, photo, "--top", "1", "--output", "json"]
    found = json.loads(subprocess.run(predict, check=True, capture_output=True).stdout)
    [told] = found["images"][0]["classes"]
    print(f"its README: {ran.strip()}; enasctl predict: {told}")
    if name != told["class"] or TOLERANCE < abs(float(probability) - told["probability"]):
        raise SystemExit("the README and the program do not agree")


def main(enasd: str, enasctl: str, config: str):
    images = read("test-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read("test-labels-idx1-ubyte.gz", 8)
    with tempfile.TemporaryDirectory() as name:
        champion = searched(Path(name), enasd, config)
        check_test_split(champion, images, labels)
        check_readme(champion, enasctl, images[0, 0])


if __name__ == "__main__":
    main(*sys.argv[1:])
