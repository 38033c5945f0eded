"""The shapes of the measurement: those of Pythia, and pairs of them."""

# hidden, layers, heads, intermediate
SIZES = {
    "31m": (256, 6, 8, 1024),
    "70m": (512, 6, 8, 2048),
    "160m": (768, 12, 12, 3072),
    "410m": (1024, 24, 16, 4096),
    "1b": (2048, 16, 8, 8192),
    "1.4b": (2048, 24, 16, 8192),
    "tiny": (64, 2, 4, 256),
    "tiny-draft": (32, 1, 2, 128),
}
ROWS = 50304


def vocabulary_of(size):
    """Rows of the vocabulary."""
    return 512 if size.startswith("tiny") else ROWS


# target, draft and reference, rows of the vocabulary
SHAPES = {
    "70m-31m": ("70m", "31m", ROWS),
    "160m-31m": ("160m", "31m", ROWS),
    "tiny": ("tiny", "tiny-draft", 512),
}


def split(shape):
    """The sizes in 410m-70m, or in 410m."""
    if shape in SIZES:
        return [shape]
    target, draft = next((shape[:i], shape[i + 1:]) for i, letter in enumerate(shape) if letter == "-" and shape[:i] in SIZES)
    return [target, draft]
