"""Where data come from: files and standard input, their formats, and a look through text."""

import codecs
import gzip
import os
import re
import sys
import tempfile
import zlib
from contextlib import contextmanager
from itertools import islice

from lsgd_fast._files import open_regular

__all__ = ["FORMATS", "TABLES", "check_text", "find_format", "naming", "open_text", "regular_file"]

SUFFIXES = {
    ".npz": "npz",
    ".npy": "npy",
    ".csv": "csv",
    ".tsv": "csv",
    ".svm": "libsvm",
    ".libsvm": "libsvm",
    ".svmlight": "libsvm",
    ".parquet": "parquet",
    ".feather": "feather",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
TEXTS = ("csv", "libsvm")
TABLES = ("csv", "parquet", "feather")  # formats whose columns may have names
FIRST_BYTES = {b"PK\3\4": "npz", b"\x93NUMPY": "npy", b"PAR1": "parquet", b"ARROW1": "feather"}
GZIP = b"\x1f\x8b"

STANDARD_INPUT = "-"
BLOCK_BYTES = 1 << 22  # that are looked at, copied or parsed at a time
MAX_LINE = 1 << 28  # bytes
MAX_TEXT = (
    1 << 32
)  # bytes that are kept of standard input or decompressed; 4 MB of .gz may hold them
NEWLINE = b"\n"

# What a line of text is recognised by; the next lines decide if it is neither.
RECOGNISED_LINES, RECOGNISED_BYTES = 20, 1 << 16
LIBSVM_LINE = re.compile(rb"[^\s:,;#]+(\s+\w+:[^\s:,;#]+)+\s*(#.*)?", re.DOTALL)
TABLE_LINE = re.compile(rb".*[,;\t]", re.DOTALL)


@contextmanager
def regular_file(name):
    """Yield the path of a regular file: `name` itself, or a copy of standard input for ``-``.

    Files are read more than once, so that their errors can say where they are.
    """
    if name != STANDARD_INPUT:
        yield name
        return
    with tempfile.NamedTemporaryFile() as file:
        while block := sys.stdin.buffer.read(BLOCK_BYTES):
            if file.tell() + len(block) > MAX_TEXT:
                limit = f"{MAX_TEXT / 2**30:.3g} GiB"
                raise ValueError(f"standard input has more than {limit}: use a file")
            file.write(block)
        file.flush()
        yield file.name


@contextmanager
def naming(name):
    """Turn every error about the contents of a file into a ValueError of one line that names it."""
    try:
        yield
    except MemoryError as error:
        raise ValueError(f"{name!r}: too large for the available memory") from error
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name!r}: {' '.join(str(error).split())}") from error


def find_format(path: str, name: str) -> str:
    """Return the format of a file, one of `FORMATS`, by the end of its name or by its contents.

    Parameters
    ----------
    path : str
        A regular file.
    name : str
        Its name for the user.
    """
    with open_regular(path) as file:
        first = file.read(8)
    if not first:
        raise ValueError("the file is empty")
    found = SUFFIXES.get(os.path.splitext(name.removesuffix(".gz"))[1].lower())
    if found is None:
        known = (kind for start, kind in FIRST_BYTES.items() if first.startswith(start))
        return next(known, None) or _format_of_text(path)
    if name.endswith(".gz") and found not in TEXTS:
        raise ValueError("only text may be compressed by gzip: decompress the file first")
    return found


def _format_of_text(path):
    with open_text(path) as stream:
        for line in islice(iter(lambda: stream.readline(RECOGNISED_BYTES), b""), RECOGNISED_LINES):
            line = line.removeprefix(codecs.BOM_UTF8).strip(b" \r\n")
            if len(line) > RECOGNISED_BYTES // 2:
                line = line[: line.rfind(b" ")]  # it may end within a word
            if b"\0" in line:
                break
            if LIBSVM_LINE.fullmatch(line):
                return "libsvm"
            if TABLE_LINE.match(line):
                return "csv"
    known = ", ".join(FORMATS)
    raise ValueError(f"the contents are of no known format; --format can be {known}")


@contextmanager
def open_text(path):
    """Open text for reading its bytes, decompressed if it is gzip."""
    with open_regular(path) as file:
        compressed = path.endswith(".gz") or file.peek(2).startswith(GZIP)
        yield gzip.GzipFile(fileobj=file) if compressed else file


def check_text(path: str) -> int:
    """Return the number of lines of a text, after a look at all of it, a block at a time.

    Parameters
    ----------
    path : str
        Text, perhaps compressed.

    Raises
    ------
    ValueError
        If it is not UTF-8 text without NUL bytes, if a line is longer than 256 MiB, or if it is
        compressed and larger than 4 GiB.
    EOFError, gzip.BadGzipFile, zlib.error
        If it is not sound gzip.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, line, length = 0, 1, 0
    with open_text(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line += error.object.count(NEWLINE, 0, error.start)
                raise ValueError(f"line {line} is not UTF-8 text") from error
            if (at := block.find(b"\0")) >= 0:
                line += block.count(NEWLINE, 0, at)
                raise ValueError(f"line {line} has a NUL byte, which is not text")
            first, last = block.find(NEWLINE), block.rfind(NEWLINE)
            if length + (first if first >= 0 else len(block)) > MAX_LINE:
                raise ValueError(f"line {line} is longer than {MAX_LINE >> 20} MiB")
            length = len(block) - last - 1 + (length if last < 0 else 0)
            line += block.count(NEWLINE)
            size += len(block)
            if isinstance(stream, gzip.GzipFile) and size > MAX_TEXT:
                limit = f"{MAX_TEXT / 2**30:.3g} GiB"
                raise ValueError(f"larger than {limit} without compression: decompress it first")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"line {line} is not UTF-8 text") from error
    return line - (length == 0)  # nothing follows the last newline
