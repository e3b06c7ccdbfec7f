"""Changes of files: damage to their bytes, and other contents with right checksums."""

import contextlib
import copy
import gzip
import io
import json
import struct
import warnings
import zipfile

import numpy as np

from support.datafiles import npy


def crafted(rng, name, files):
    """Return a changed file; `files` are the bytes of those of its group, by name."""
    data = files[name]
    other = pick(rng, list(files.values()))
    is_archive = data.startswith(b"PK")
    if rng.random() < (0.2 if is_archive else 0.4):
        return damaged(rng, data, other)
    if is_archive:
        data = rewritten(rng, data, other if other.startswith(b"PK") else data)
    elif data.startswith(b"\x93NUMPY"):
        data = pick(rng, (another_header, another_array))(rng, data)
    elif name.endswith(".gz"):
        data = recompressed(rng, data)
    else:
        data = retyped(rng, data)
    return damaged(rng, data, other) if data and rng.random() < 0.05 else data


def pick(rng, values):
    """Return one of the values."""
    return values[rng.integers(len(values))]


# --- damage to bytes ------------------------------------------------------------------------------


def _flip(rng, data, _):
    for at in rng.integers(len(data), size=rng.integers(1, 6)):
        data[at] ^= 1 << rng.integers(8)


def _overwrite(rng, data, _):
    size, at = int(rng.integers(1, 40)), rng.integers(len(data))
    same = bytes([pick(rng, BYTES)]) * size
    data[at : at + size] = same if rng.random() < 0.5 else rng.bytes(size)


def _truncate(rng, data, _):
    del data[rng.integers(len(data)) :]


def _extend(rng, data, other):
    data += rng.bytes(rng.integers(1, 99)) if rng.random() < 0.5 else other


def _splice(rng, data, other):
    at = rng.integers(min(len(data), len(other)))
    data[at:] = other[at:] if rng.random() < 0.5 else other[rng.integers(len(other)) :]


def _remove(rng, data, _):
    at = rng.integers(len(data))
    del data[at : at + int(rng.integers(1, 40))]


def _repeat(rng, data, _):
    at = rng.integers(len(data))
    data[at:at] = data[at : at + int(rng.integers(1, 99))] * int(rng.integers(1, 4))


BYTES = b'\0\1\x7f\x80\xff\n\r,;:"#'
DAMAGE = (_flip, _overwrite, _truncate, _extend, _splice, _remove, _repeat)


def damaged(rng, data, other):
    """Return bytes with one kind of damage; `other` are those of another file."""
    data = bytearray(data)
    pick(rng, DAMAGE)(rng, data, other)
    return bytes(data)


# --- arrays ---------------------------------------------------------------------------------------

SHAPES = (
    (), (0,), (1,), (3,), (4,), (True,), (-1,), (2**40,), (2**63,), (2**70,), (0, 2**70), (1, 3),
    (3, 1), (40, 3), (3, 40), (1,) * 40, (-3, -40), (1.5,), ("a",), (0, 0), (10**400,),
)  # fmt: skip
DTYPES = (
    "<f8", ">f8", "=f8", "<f4", "<f2", "<f16", "<i8", ">i8", "<u8", "|u1", "|b1", "<c16", "|O",
    "<U1", "<U0", "|S8", "|V8", "<M8[s]", [("a", "<f8")], "f8,f8", "x", "", None, [[]],
)  # fmt: skip
FLOATS = (
    0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 64.0, 99.0, 101.0, -1.5, 5e-324, 1e-300, 1e300, 9.3e18, 2.0**53,
    2.0**53 + 2.0, 1.7976931348623157e308, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip


def another_header(rng, member):
    """Return a member with another .npy header before the same bytes, or before some of them."""
    array = np.load(io.BytesIO(member), allow_pickle=False)
    values = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    choices = {"descr": DTYPES, "fortran_order": (True, 1, None, "x"), "shape": SHAPES}
    key = pick(rng, list(choices))
    values[key] = pick(rng, choices[key])
    if rng.random() < 0.1:
        values.pop(key)
    text = repr(values) if rng.random() < 0.95 else "(" * 300
    text += " " * int(rng.integers(0, 700)) * (rng.random() < 0.1) + "\n"
    version = pick(rng, [(1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (9, 9)])
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    body = array.tobytes()
    body = body[: rng.integers(len(body) + 1)] if rng.random() < 0.2 else body
    return b"\x93NUMPY" + bytes(version) + size + text.encode() + body


def another_array(rng, member):
    """Return a member with other values, or of another shape, dtype or byte order."""
    array = np.load(io.BytesIO(member), allow_pickle=False)
    more = np.concatenate([array, array[-1:]]) if array.ndim else np.stack([array] * 3)
    shapes = (array.T, array.ravel(), array[:-1] if array.ndim else array[None], more)
    choice = rng.random()
    if choice < 0.2:
        return npy(pick(rng, shapes))
    if choice < 0.3:
        return npy(array.astype(pick(rng, ["f4", "i8", "u1", "bool", "f2", "longdouble"])))
    if choice < 0.4:
        return npy(array.astype(array.dtype.newbyteorder("S")))
    if array.size and array.dtype.kind in "fiu":
        array = array.copy()
        places = rng.integers(array.size, size=rng.integers(1, 4))
        array.reshape(-1)[places if rng.random() < 0.7 else ...] = pick(rng, FLOATS)
    return npy(array)


# --- archives -------------------------------------------------------------------------------------

INTEGERS = (
    0, 1, -1, 2, 3, 64, 99, 101, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64,
    10**400,
)  # fmt: skip
VALUES = (
    *INTEGERS, *FLOATS, None, True, False, "", "1", "n_steps", "diverged", "callback", "logistic",
    "softmax", "\ud800", "a\nb", "x" * 5000, [], {}, [1], {"a": 1}, [[]] * 50,
    {"not a finite float": "1" * 400}, {"not a finite float": []}, {"rule": "Polyak"}, {"rule": []},
    {"rule": "Constant", "eta": 1e999},
)  # fmt: skip
NO_DOCUMENTS = ("[" * 10**5, "{}{}", '{"a', "1" * 9999, "NaN", '{"a":' * 3000, "")


def rewritten(rng, data, other):
    """Return an archive with members changed, checksums right; `other` is another archive."""
    members = members_of(data)
    for name in [pick(rng, list(members)) for _ in range(rng.integers(0, 3))]:
        if name in members and name != "meta.npy":
            change_member(rng, members, name, members_of(other))
    if "meta.npy" in members and rng.random() < 0.9:
        members["meta.npy"] = another_document(rng, members)
    return archive_of(rng, members)


def members_of(data):
    """Return the members of an archive by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def change_member(rng, members, name, others):
    """Change, remove, rename or replace a member."""
    choice = rng.random()
    if choice < 0.8:
        with contextlib.suppress(Exception):  # it is changed already, and no array any more
            change = another_array if choice < 0.6 else another_header
            members[name] = change(rng, members[name])
    elif choice < 0.85:
        del members[name]
    elif choice < 0.9:
        names = [f"../{name}", f"/{name}", "more.npy", "n\u00e4me.npy", "a/", "0_x.npy", name[:-4]]
        members[pick(rng, names)] = members[name]
    elif choice < 0.95 and members[name]:
        members[name] = damaged(rng, members[name], members[name])
    else:
        members[name] = pick(rng, list(others.values()))


def places(value, path=()):
    """Yield the places of all values in a JSON document, as keys from the root."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


def another_document(rng, members):
    """Return the metadata of an archive with values replaced, removed, added or renamed."""
    document = json.loads(np.load(io.BytesIO(members["meta.npy"])).tobytes())
    document["arrays"] = sorted(name.removesuffix(".npy") for name in members if name != "meta.npy")
    for _ in range(rng.integers(0, 3)):
        *path, key = pick(rng, list(places(document)))
        parent = document
        for step in path:
            parent = parent[step]
        change_value(rng, parent, key)
    text = json.dumps(document)  # with NaN and infinity as Python spells them
    text = text if rng.random() < 0.97 else pick(rng, NO_DOCUMENTS)
    return npy(np.frombuffer(text.encode(), np.uint8))


def change_value(rng, parent, key):
    choice = rng.random()
    if choice < 0.85:
        same = [value for value in VALUES if type(value) is type(parent[key])]
        parent[key] = copy.deepcopy(pick(rng, same if same and choice < 0.65 else VALUES))
    elif choice < 0.9:
        del parent[key]
    elif isinstance(parent, dict):
        parent[f"{key}_"] = parent[key] if choice < 0.95 else parent.pop(key)


def archive_of(rng, members):
    """Return an archive of members, as NumPy or as others write it."""
    stream = io.BytesIO()
    method = zipfile.ZIP_STORED
    if rng.random() < 0.05:
        method = pick(rng, [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name twice
        for name, member in members.items():
            with archive.open(name, "w", force_zip64=rng.random() < 0.5) as file:
                file.write(member)
        if rng.random() < 0.03:
            archive.writestr(*pick(rng, list(members.items())))
        if rng.random() < 0.03:
            archive.comment = rng.bytes(50)
    data = bytearray(stream.getvalue())
    if rng.random() < 0.02:  # encrypted, as both headers of the first member say
        (start,) = struct.unpack_from("<I", data, data.rindex(b"PK\x05\x06") + 16)
        data[6] |= 1
        data[start + 8] |= 1
    return bytes(data)


# --- text -----------------------------------------------------------------------------------------

WORDS = (
    b"", b"nan", b"inf", b"-1e999", b"1e400", b"0x10", b"1_0", b"x", b'"', b'"a\nb"', b"\0",
    b"\xff", b"\xef\xbb\xbf", "\u0661".encode(), b"9" * 400, b"0" * 5000 + b"1", b"1:2", b"0:1",
    b"2:1 1:1", b"99999999999999999999:1", b"999999999:1", b"qid:1", b"#", b"\r", b"\r\n",
    b"\n\n\n", b" ", b";", b"1e308", b"-1e308", b"5e-324", b"a" * 140_000, b"\x1f\x8b",
    b"1,2,3,4,5", b"1", b"2", b"3:0.5", b"4:0.5", b"-0.0",
)  # fmt: skip


def retyped(rng, text):
    """Return text with cells replaced, or with words put between its bytes."""
    for _ in range(rng.integers(1, 4)):
        at = stop = int(rng.integers(len(text) + 1))
        if rng.random() < 0.7:  # a whole cell
            while at > 0 and text[at - 1] not in b",\t \n:":
                at -= 1
            while stop < len(text) and text[stop] not in b",\t \n:":
                stop += 1
        text = text[:at] + pick(rng, WORDS) + text[stop:]
    return text


def recompressed(rng, data):
    """Return gzip of other text, or twice, or in parts, or with rubbish after it."""
    text = gzip.decompress(data)
    at = rng.integers(len(text))
    return pick(rng, [
        gzip.compress(data),
        gzip.compress(text[:at]) + gzip.compress(text[at:]),
        data + bytes(9),
        data + b"rubbish",
        data[:-8] + rng.bytes(8),
        *[gzip.compress(retyped(rng, text))] * 5,
    ])  # fmt: skip
