"""The digest is a tree of hashes: parts of it can be made apart, and it is computed once."""

import hashlib

import numpy as np
import pytest

from lsgd_fast import Descent, losses
from lsgd_fast._inputs import digest
from lsgd_fast._inputs.models import TwoLayer
from lsgd_fast._inputs.problem import Problem
from support import awkward, sparse_cases

FORMS = {"dense": np.ascontiguousarray, "F order": np.asfortranarray, "sparse": sparse_cases.csr}


@pytest.fixture
def small_leaves(monkeypatch):
    """Leaves of 4 rows, or of 8 where these have few features; blocks of 24 values."""
    monkeypatch.setattr(digest, "LEAF_ROWS", 4)
    monkeypatch.setattr(digest, "SPARSE_LEAF_ROWS", 4)
    monkeypatch.setattr(digest, "BLOCK_SIZE", 24)
    monkeypatch.setattr(digest, "BLOCKS_AT_A_TIME", 2)


def data(n, d, form="dense"):
    rng = np.random.default_rng(n)
    X = rng.integers(-3, 4, (n, d)) * 0.5
    X[0, 0] = 0.1
    return FORMS[form](X), awkward.labels(n, rng), rng.uniform(0.5, 1.0, n)


def hash_of(content):
    return hashlib.sha256(content).digest()


def plain_top(leaves):
    """Return the hash over the leaves, level by level."""
    while len(leaves) > 1:
        pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
        leaves = [hash_of(b"".join(pair)) if pair[1:] else pair[0] for pair in pairs]
    return leaves[0]


@pytest.mark.parametrize("n_leaves", [*range(1, 18), 31, 32, 33, 100])
def test_pairs_are_joined_level_by_level(n_leaves):
    leaves = [hash_of(bytes([i])) for i in range(n_leaves)]
    nodes = digest.join((0, i, leaf) for i, leaf in enumerate(leaves))
    assert len(nodes) == n_leaves.bit_count()
    assert digest.top(nodes) == plain_top(leaves)
    assert digest.top([(0, i, leaf) for i, leaf in enumerate(leaves)]) == plain_top(leaves)


@pytest.mark.usefixtures("small_leaves")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n", "d"), [(2, 3), (4, 3), (90, 2), (103, 6), (64, 7), (50, 60)])
def test_parts_that_are_made_apart_make_the_whole(form, n, d):
    X, y, weight = data(n, d, form)
    X = Problem.check(X, y).X
    whole = digest.top(digest.nodes(X, (y, weight), n_threads=1))
    assert digest.top(digest.nodes(X, (y, weight), n_threads=3)) == whole
    height, rng = digest.leaf_rows(X), np.random.default_rng(5)
    assert height == (8 if d < 4 and form != "sparse" else 4)
    for n_parts in (2, 3, 5):
        cuts = np.sort(rng.integers(0, -(-n // height) + 1, n_parts - 1)) * height
        parts = []
        for a, b in zip([0, *cuts], [*np.minimum(cuts, n), n], strict=True):
            rows = slice(int(a), int(b))
            vectors = y[rows], weight[rows]
            parts += digest.nodes(X[rows], vectors, int(a)) if a < b else []
        assert digest.top(parts) == whole


@pytest.mark.usefixtures("small_leaves")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(13, 3), (7, 30)])
def test_every_value_counts(form, shape):
    X, y, weight = data(*shape)
    X[X == 0.0], y = 0.5, np.resize([1.0, -1.0], len(y))

    def of(X, y, weight):
        return Problem.check(FORMS[form](X), y, sample_weight=weight).digest()

    found = {of(X, y, weight)}
    changes = [*np.ndindex(shape)]
    for place in changes:
        changed = X.copy()
        changed[place] *= 1.5
        found.add(of(changed, y, weight))
    for i in range(len(X)):
        flipped, heavier = y.copy(), weight.copy()
        flipped[i] *= -1.0
        heavier[i] *= 0.75
        found |= {of(X, flipped, weight), of(X, y, heavier)}
    assert len(found) == 1 + len(changes) + 2 * len(X)
    assert of(X, y, None) == of(X, y > 0, np.full(len(X), 4.0)) not in found


def test_leaves_depend_on_the_number_of_features_alone():
    rows = {d: digest.leaf_rows(np.broadcast_to(0.0, (3, d))) for d in (1, 8, 100, 256, 257, 10**6)}
    assert rows == {1: 2**17, 8: 2**14, 100: 1024, 256: 512, 257: 512, 10**6: 512}


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_dtypes_do_not_matter_in_several_leaves(dtype):
    X = awkward.exact_matrix(1100, 3, dtype, np.random.default_rng(0))
    y = awkward.labels(1100, np.random.default_rng(1))
    X[5] = 0.0
    negative = np.where(X == 0.0, -0.0, X)
    expected = Problem.check(X, y).digest()
    assert Problem.check(X.astype(dtype), y).digest() == expected
    assert Problem.check(np.asfortranarray(negative), y).digest() == expected


@pytest.mark.parametrize("form", FORMS)
def test_x_is_read_once_for_all_checkpoints(monkeypatch, tmp_path, form):
    X, y, _ = data(40, 3, form)
    reads = []
    original = digest.nodes

    def nodes(X, *others, **options):
        reads.append(len(X))
        return original(X, *others, **options)

    monkeypatch.setattr(digest, "nodes", nodes)
    held_out = data(20, 3)[:2]
    descent = Descent(X, y, 1.0, validation=held_out)
    for _ in range(3):
        descent.step(2)
        descent.save(tmp_path / "checkpoint")
    assert reads == [40, 20]
    loaded = Descent.load(tmp_path / "checkpoint", X, y, validation=held_out)
    loaded.step(1)
    loaded.save(tmp_path / "checkpoint")
    assert sorted(reads) == [20, 20, 40, 40]


def test_problems_of_the_same_data_share_the_read(monkeypatch):
    made = Problem.check(*data(40, 3)[:2])
    others = [made.with_penalty(0.5), made.with_loss(losses.Exponential())]
    others.append(made.with_network(TwoLayer(2, "relu")))
    digests = {made.digest()}
    monkeypatch.setattr(digest, "nodes", None)  # no longer called
    digests |= {other.digest() for other in others}
    assert len(digests) == 4
    with pytest.raises(TypeError):
        made.take(np.arange(30)).digest()
