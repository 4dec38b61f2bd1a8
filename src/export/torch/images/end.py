def load(path):
    """The model with the weights in the safetensors file at `path`, ready to classify."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()


def read_image(path):
    """An image file as (1, channels, rows, columns), sized and turned as for the training."""
    from PIL import Image, ImageOps

    channels, height, width = IMAGE
    modes = {1: "L", 3: "RGB"}
    if channels not in modes:
        sys.exit(f"an image file has no {channels} channels")
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):
        image = image.convert("F").resize((width, height), Image.Resampling.BILINEAR)
        values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.float32)
        return narrowed(values.view(1, 1, height, width)).expand(1, channels, height, width)
    if is_deep(path) and DEEP != (0, 65535):
        sys.exit(
            f"`{path}` has 16 bits a value, of which Pillow keeps 8 where an image is not plainly "
            f"grey; save it with 8 bits, so that {DEEP[0]} becomes 0 and {DEEP[1]} becomes 255"
        )
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert(modes[channels]).resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(1, height, width, channels).permute(0, 3, 1, 2)


def narrowed(values):
    """Values of 16 bits as pixels from 0 to 255."""
    low, high = DEEP
    return ((values.clamp(low, high) - low) * (255 / max(high - low, 1))).round()


def is_deep(path):
    """Whether an image file has 16 bits a value: a PNG file says so in its 25th byte."""
    with open(path, "rb") as file:
        head = file.read(25)
    return head.startswith(b"\x89PNG") and head[24:] == b"\x10"


def main(weights, path):
    with torch.inference_mode():
        probabilities = load(weights)(read_image(path)).softmax(1)[0]
    for class_idx in probabilities.argsort(descending=True)[:5].tolist():
        print(f"{probabilities[class_idx]:7.2%}  {CLASS_NAMES[class_idx]}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} WEIGHTS.safetensors IMAGE")
    main(*sys.argv[1:])
