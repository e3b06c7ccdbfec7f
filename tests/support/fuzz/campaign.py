"""Many random calls in worker processes, which may crash or hang; and a table of how they ended."""

import collections
import contextlib
import faulthandler
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

from support.fuzz import check, kinds, programs
from support.fuzz.faults import Fault, where

LIMIT = 300.0  # seconds of a call, after which it counts as hanging; the longest take 10
KINDS = {**kinds.KINDS, **programs.KINDS}


def schedule(kind, calls, seed):
    """Return the kind and the seed of each call; with "all" kinds take turns by their shares."""
    seeds = range(seed, seed + calls)
    if kind != "all":
        return [(kind, one) for one in seeds]
    names = list(KINDS)
    shares = np.array([KINDS[name].share for name in names])
    drawn = np.random.default_rng(seed).choice(names, calls, p=shares / shares.sum())
    drawn[: len(names)] = names[:calls]
    return [(str(name), one) for name, one in zip(drawn, seeds, strict=True)]


def call_one(kind, seed):
    """Make one call; return how it ended, and its fault or None."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return check.check(kind, seed, pathlib.Path(folder)), None
    except Fault as fault:
        text = " | ".join([str(fault), *getattr(fault, "__notes__", ())])
        return f"FAULT: {fault.what}", " ".join(text.split())
    except Exception as error:  # in a check, or where a check calls the package
        text = f"{type(error).__name__}: {error} ({where(error)})"
        return "FAULT: raw exception", " ".join(text.split())


def work():
    """Make the calls that stdin names, a line each; answer each with a line of JSON.

    What calls print goes to stderr. A call that hangs ends the process, with its stacks there.
    """
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        print(json.dumps(call_one(*json.loads(line))), file=answers, flush=True)
        faulthandler.cancel_dump_traceback_later()


class Worker:
    """A process that makes calls, and its successors where it crashes."""

    def __init__(self, script="from support.fuzz import campaign; campaign.work()"):
        self.script, self.process = script, None
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # a pipe might fill up

    def call(self, kind, seed):
        """Make one call; return what `call_one` returns, or that the process crashed or hung."""
        if self.process is None:
            path = os.pathsep.join(one for one in sys.path if one)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", self.script], text=True, env=os.environ | {
                    "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self.log)  # fmt: skip
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps([kind, seed]) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer.endswith("\n"):  # else the process ended, perhaps within its answer
            return json.loads(answer)
        self.process.communicate()
        code, self.process = self.process.returncode, None
        self.log.seek(0)
        log = self.log.read()
        self.log.truncate(0)
        word = "hang" if "Timeout (" in log else "crash"
        traceback = log[max(log.rfind("Fatal Python error"), log.rfind("Timeout ("), 0) :][:1500]
        return f"FAULT: {word}", f"{word}, exit code {code}: {' '.join(traceback.split())}"

    def close(self):
        if self.process is not None:
            self.process.communicate()
        self.log.close()


def run(kind, calls, seed=0, processes=1, report=print):
    """Make random calls; return {(kind, how it ended): count}, the faults, and seconds.

    Each fault is reported at once, with the command that repeats it.
    """
    waiting, answers, began = queue.SimpleQueue(), queue.SimpleQueue(), time.time()
    for one in schedule(kind, calls, seed):
        waiting.put(one)

    def serve():
        with contextlib.closing(Worker()) as worker, contextlib.suppress(queue.Empty):
            while True:
                name, one = waiting.get_nowait()
                answers.put((name, one, *worker.call(name, one)))

    for _ in range(processes):
        threading.Thread(target=serve).start()
    counts, faults = collections.Counter(), []
    for _ in range(calls):
        name, one, word, fault = answers.get()
        counts[name, word] += 1
        if fault is not None:
            repeated = f"python tools/random_calls.py {name.replace(' ', '-')} 1 {one}"
            faults.append(f"{repeated}  # {fault}")
            report(faults[-1])
    return counts, faults, time.time() - began


def table(counts):
    """Return the counts as text: a line for each kind, a column for each way to end."""
    words = sorted({word for _, word in counts}, key=lambda word: (word.startswith("F"), word))
    lines = []
    for name in [*dict.fromkeys(name for name, _ in sorted(counts)), "all"]:
        row = {word: sum(count for (kind, ended), count in counts.items()
                         if ended == word and name in (kind, "all")) for word in words}  # fmt: skip
        if total := sum(row.values()):
            ended = ", ".join(f"{word} {count}" for word, count in row.items() if count)
            lines.append(f"{name:<17} {total:6}: {ended}")
    return "\n".join(lines)
