"""Arrays and metadata in one .npz file, without pickle, for `Run` and for checkpoints.

A file is a plain .npz archive: uncompressed .npy members, one of which, ``meta``, holds JSON text
as bytes. Reading trusts nothing: a member is parsed only after its checksum has been verified, an
array is only ever made from bytes that are there, and nothing in a file is executed.
"""

import io
import json
import math
import os
import secrets
import zipfile
from contextlib import suppress

import numpy as np

__all__ = ["NUMBERS", "load_archive", "parse_array", "save_archive"]

FORMAT = "lsgd_fast"
SCHEMA = 1
META = "meta"
NOT_FINITE = "not a finite float"
NUMBERS = "biuf"  # the kinds of dtype that are stored
MAX_HEADER = 512  # characters; an .npy header of a plain array needs about 120


def save_archive(path, kind, meta, arrays):
    """Write metadata and arrays to exactly `path`.

    The file appears under its name when it is complete; whatever stops the writing before that,
    an older file of that name stays as it was.

    Parameters
    ----------
    path : str or os.PathLike
        No suffix is added. A symbolic link is followed.
    kind : str
        What the file holds, such as ``"run"``.
    meta : dict
        Anything JSON can hold, with str keys; floats come back with the same bits.
    arrays : dict of str to ndarray
        Real arrays of any shape.

    Raises
    ------
    TypeError
        If an array holds something other than real numbers.
    ValueError
        If `path` is a folder, a device or the like.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in NUMBERS or name == META:
            raise TypeError(f"arrays: cannot store {name!r} of dtype {array.dtype}")
    document = {"format": FORMAT, "schema": SCHEMA, "kind": kind}
    document |= {"arrays": sorted(arrays), "meta": _encode(meta)}
    text = json.dumps(document, allow_nan=False).encode()
    members = {META: np.frombuffer(text, dtype=np.uint8), **arrays}
    target = os.path.realpath(path)
    if os.path.lexists(target) and not os.path.isfile(target):
        raise ValueError(f"{os.fspath(path)!r} is not a file; it would be replaced by one")
    temporary = f"{target}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            np.savez(file, **members)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def load_archive(path, kind):
    """Read what `save_archive` wrote.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    kind : str
        What the file must hold.

    Returns
    -------
    meta : dict
    arrays : dict of str to ndarray
        New and writable.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, foreign, or of another kind or schema; the message names it.
    """
    with open(path, "rb") as file:
        try:
            return _read(file, kind)
        except MemoryError:
            raise
        except Exception as error:  # zipfile and json fail in a dozen ways; all mean the same
            name = os.fspath(path)
            raise ValueError(f"{name!r} is not a readable {FORMAT} {kind}: {error}") from error


def _read(file, kind):
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        _check_members(archive.infolist(), size)
        # read() verifies the checksum before it returns.
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    arrays = {name.removesuffix(".npy"): _copy_array(data) for name, data in members.items()}
    if META not in arrays:
        raise ValueError("it has no metadata")
    document = json.loads(arrays.pop(META).tobytes(), object_hook=_decode)
    _check_document(document, kind, arrays)
    return document["meta"], arrays


def _check_members(members, size):
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise ValueError("two members have the same name")
    if any(info.compress_type != zipfile.ZIP_STORED for info in members):
        raise ValueError("it is compressed")
    if sum(info.file_size for info in members) > size:
        raise ValueError("its members are larger than the file")


def parse_array(stream, buffer, kinds=NUMBERS):
    """Return the array that an .npy file holds, without a copy.

    Parameters
    ----------
    stream : file-like
        The bytes of the file, from their start.
    buffer : bytes-like
        The same bytes.
    kinds : str
        The kinds of dtype to take; objects, which would be unpickled, are none of them.

    Returns
    -------
    ndarray
        A view of `buffer`.

    Raises
    ------
    ValueError
        If it is anything but one array of these kinds.
    """
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not in version 1.0 of the .npy format")
    try:
        header = np.lib.format.read_array_header_1_0(stream, max_header_size=MAX_HEADER)
    except Exception as error:  # of Python's tokenizer and parser, too
        raise ValueError(f"its header makes no sense: {error}") from error
    shape, is_fortran, dtype = header
    if dtype.kind not in kinds:
        raise ValueError(f"an array of dtype {dtype}; such are never read")
    if stream.tell() + math.prod(shape) * dtype.itemsize != len(buffer):
        raise ValueError(f"longer or shorter than an array of shape {shape} and dtype {dtype}")
    return np.ndarray(shape, dtype, buffer, stream.tell(), order="F" if is_fortran else "C")


def _copy_array(data):
    return parse_array(io.BytesIO(data), data).copy("K")


def _check_document(document, kind, arrays):
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"it was not written by {FORMAT}")
    if document.get("schema") != SCHEMA:
        raise ValueError(f"it has schema {document.get('schema')}; this version reads {SCHEMA}")
    if document.get("kind") != kind:
        raise ValueError(f"it holds a {document.get('kind')}, not a {kind}")
    if document.get("arrays") != sorted(arrays):  # damage to a zip directory can hide members
        raise ValueError("it does not hold the arrays it should")
    if not isinstance(document.get("meta"), dict):
        raise ValueError("its metadata is not a dict")


def _encode(value):
    """Return `value` with every infinity and NaN, which JSON lacks, as {NOT_FINITE: text}."""
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {NOT_FINITE: str(float(value))}
    return value


def _decode(found):
    return float(found[NOT_FINITE]) if found.keys() == {NOT_FINITE} else found
