def load(path):
    """The model with the weights in the safetensors file at `path`, ready to read."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()


def read_text(path):
    """The ids of the words of a text file, and of EOS behind each line."""
    places = {word: place for place, word in enumerate(VOCABULARY)}
    ids = []
    with open(path, encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            for word in [*line.split(), EOS]:
                place = places.get(word, places.get("<unk>"))
                if place is None:
                    sys.exit(f"line {number} has the word `{word}`, which the model does not know")
                ids.append(place)
    return torch.tensor(ids)


def main(weights, path):
    model, ids = load(weights), read_text(path)
    if len(ids) < 2:
        sys.exit(f"`{path}` has no word that follows another")
    state, nll = model.start(1), 0.0
    with torch.inference_mode():
        for start in range(0, len(ids), WINDOW):
            window = ids[start : start + WINDOW]
            log_probabilities, state = model(window[:, None], state)
            # The first word of a text follows none, and none follows the last.
            after = ids[start + 1 : start + 1 + WINDOW]
            found = log_probabilities[torch.arange(len(after)), 0, after]
            nll -= found.sum(dtype=torch.float64).item()
    print(f"perplexity {math.exp(nll / (len(ids) - 1)):.4f} of {len(ids) - 1} words")
    last = log_probabilities[-1, 0].exp()
    for place in last.argsort(descending=True)[:5].tolist():
        print(f"{last[place]:7.2%}  {VOCABULARY[place]}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} WEIGHTS.safetensors TEXT")
    main(*sys.argv[1:])
