"""Arrays and metadata in one .npz file, without pickle: the format of runs and checkpoints.

A file is a plain .npz archive of uncompressed .npy members, one of which, ``meta``, holds JSON text
as bytes. Reading does not trust the file: it must be a regular one, a member is parsed only after
its checksum was verified, an array is only made from bytes that are present, and nothing in a file
is executed.
"""

import io
import json
import math
import os
import sys
import zipfile

import numpy as np

from lsgd_fast._checks import shown
from lsgd_fast._files import check_path, open_regular, replacing

__all__ = ["NUMBERS", "invalid_file", "load_archive", "parse_array", "save_archive"]

FORMAT = "lsgd_fast"
# A kind of file gets the next number when files of the one before cannot be read any more. At 2
# `signs` became `diagnostics`, and checkpoints name the members of their states; at 3 the digest of
# a problem became a tree.
SCHEMAS = {
    "run": 3,
    "sweep": 3,
    "descent": 4,
    "stochastic run": 2,
    "stochastic sweep": 2,
}  # 1 for all other kinds
META = "meta"
NOT_FINITE = "not a finite float"
NUMBERS = "biuf"  # kinds of dtype that can be stored
LARGEST = {"b": ("u1", 1), "U": ("u4", sys.maxunicode)}  # kinds that do not have every value
MAX_HEADER = 512  # characters of an .npy header; a plain array needs about 120
MAX_MESSAGE = 400  # characters that an error quotes of another one, which may quote the file


def save_archive(path, kind, meta, arrays):
    """Write metadata and arrays to a file.

    The file gets its name once it is complete and on the disk. If writing fails before that, an
    older file of this name is left as it was; otherwise the new one takes its mode.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        The file to write; no suffix is added. A symbolic link is followed.
    kind : str
        The kind of content, such as ``"run"``.
    meta : dict
        Values that JSON can hold, with str keys; floats keep their bits, and infinity and NaN are
        allowed.
    arrays : dict of str to ndarray
        Real arrays of any shape.

    Raises
    ------
    TypeError
        If the dtype of an array is not of real numbers.
    OSError
        If the file cannot be written; its `filename` is `path`.
    ValueError
        If `path` is not the name of a regular file, but of a folder or a device.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in NUMBERS or name == META:
            raise TypeError(f"arrays: cannot store {name!r} of dtype {array.dtype}")
    document = {"format": FORMAT, "schema": SCHEMAS.get(kind, 1), "kind": kind}
    document |= {"arrays": sorted(arrays), "meta": _encode(meta)}
    text = json.dumps(document, allow_nan=False).encode()
    members = {META: np.frombuffer(text, dtype=np.uint8), **arrays}
    with replacing(path) as file:
        np.savez(file, **members)


def _pair(meta, arrays):
    return meta, arrays


def load_archive(path, kind, build=_pair):
    """Read metadata and arrays from a file that `save_archive` wrote.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        The file to read.
    kind : str
        The kind of content that the file must have.
    build : callable, optional
        Makes an object of the metadata, a dict, and of the arrays, a dict of str to ndarray; by
        default the pair of them. The arrays are new, writable and in the byte order of the machine.
        Whatever it raises says that the file does not hold such an object.

    Returns
    -------
    object
        What `build` returned.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or if it cannot be read.
    ValueError
        If the file is damaged, was not written by this package, or is of another kind or schema, or
        if it is no regular file; the message names the file.
    """
    path = check_path(path)
    try:
        with open_regular(path) as file:
            meta, arrays = _read(file, kind)
        return build(meta, arrays)
    except MemoryError:
        raise
    except Exception as error:  # zipfile and json raise a dozen types for a damaged file
        if isinstance(error, OSError) and error.filename is not None:
            raise  # it cannot be opened
        raise invalid_file(path, kind, error) from error


def invalid_file(path, kind, why):
    """Return the error for a file that does not hold a valid object of its kind."""
    why = f"{why} is missing" if isinstance(why, KeyError) else " ".join(str(why).split())
    return ValueError(f"{path!r} is not a valid {FORMAT} {kind} file: {why[:MAX_MESSAGE]}")


def _read(file, kind):
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        _check_members(archive.infolist(), size)
        # read() verifies the checksum before it returns.
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    arrays = {name.removesuffix(".npy"): _copy_array(data) for name, data in members.items()}
    if META not in arrays:
        raise ValueError("the metadata are missing")
    text = arrays.pop(META).tobytes()
    document = json.loads(text, object_hook=_decode, parse_int=_parse_int)
    _check_document(document, kind, arrays)
    return document["meta"], arrays


def _check_members(members, size):
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise ValueError("two members have the same name")
    if any(info.compress_type != zipfile.ZIP_STORED for info in members):
        raise ValueError("a member is compressed")
    if sum(info.file_size for info in members) > size:
        raise ValueError("the members are larger than the file")


def parse_array(stream, buffer, kinds=NUMBERS):
    """Return the array in the bytes of an .npy file, without a copy.

    Parameters
    ----------
    stream : file-like
        The bytes of the file, positioned at their start.
    buffer : bytes-like
        The same bytes.
    kinds : str, default "biuf"
        Kinds of dtype to accept. Objects must not be among them: they would be unpickled.

    Returns
    -------
    ndarray
        A view of `buffer`.

    Raises
    ------
    ValueError
        If the bytes are not exactly one array of such a dtype.
    """
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not in version 1.0 of the .npy format")
    try:
        header = np.lib.format.read_array_header_1_0(stream, max_header_size=MAX_HEADER)
    except Exception as error:  # also those of Python's tokenizer and parser
        raise ValueError(f"the .npy header is not valid: {error}") from error
    shape, is_fortran, dtype = header
    if dtype.kind not in kinds:
        raise ValueError(f"arrays of dtype {dtype} are not supported")
    if stream.tell() + math.prod(shape) * dtype.itemsize != len(buffer):
        raise ValueError(f"longer or shorter than an array of shape {shape} and dtype {dtype}")
    try:
        array = np.ndarray(shape, dtype, buffer, stream.tell(), order="F" if is_fortran else "C")
    except (OverflowError, TypeError) as error:
        raise ValueError(f"{shape} is not a shape: {error}") from error
    if dtype.kind in LARGEST:
        unit, largest = LARGEST[dtype.kind]
        unit = np.dtype(unit).newbyteorder(dtype.byteorder)
        units = np.ndarray(array.nbytes // unit.itemsize, unit, buffer, stream.tell())
        if units.max(initial=0) > largest:
            raise ValueError(f"a value is none of dtype {dtype}")
    return array


def _copy_array(data):
    array = parse_array(io.BytesIO(data), data)
    return array.astype(array.dtype.newbyteorder("="), order="K")


def _check_document(document, kind, arrays):
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"the file was not written by {FORMAT}")
    if document.get("kind") != kind:
        raise ValueError(f"the file holds a {document.get('kind')}, not a {kind}")
    schema = SCHEMAS.get(kind, 1)
    if document.get("schema") != schema:
        raise ValueError(
            f"another version of {FORMAT} saved it, with schema {document.get('schema')}; this "
            f"version reads schema {schema}"
        )
    if document.get("arrays") != sorted(arrays):  # a damaged zip directory may hide members
        raise ValueError("the arrays in the file are not those that its metadata list")
    if not isinstance(document.get("meta"), dict):
        raise ValueError("the metadata are not a dict")


def _encode(value):
    """Return `value` with infinity and NaN, which JSON lacks, as dicts {NOT_FINITE: text}."""
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {NOT_FINITE: str(float(value))}
    return value


def _decode(values):
    return float(values[NOT_FINITE]) if values.keys() == {NOT_FINITE} else values


def _parse_int(text):
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{shown(number)} does not fit in 64 bits")
    return number
