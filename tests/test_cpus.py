"""How many processors there are to use, and work that is spread over them."""

import threading
import time

import pytest

from lsgd_fast import _cpus
from support.fresh import run_python

CGROUPS = [
    ({"cpu.max": "max 100000\n"}, None),
    ({"cpu.max": "100000 100000\n"}, 1),
    ({"cpu.max": "150000 100000\n"}, 2),
    ({"cpu.max": "50000 100000\n"}, 1),
    ({"cpu.max": "1600000 100000\n"}, 16),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ({"cpu/cpu.cfs_quota_us": "250000\n"}, None),
    ({"cpu.max": "junk\n"}, None),
    ({"cpu.max": ""}, None),
    ({}, None),
]


@pytest.mark.parametrize(("files", "expected"), CGROUPS)
def test_cgroup_quota(files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(_cpus, "Path", lambda path: tmp_path)
    monkeypatch.setattr(_cpus, "_affinity", lambda: 32)
    monkeypatch.setattr(_cpus, "_omp_num_threads", lambda: None)
    assert _cpus._cgroup_quota() == expected
    assert _cpus.usable_cpus() == (expected or 32)


@pytest.mark.parametrize("n_threads", [None, 1, 2, 5])
def test_results_are_in_the_order_of_the_items(n_threads):
    def late_if_even(i):
        time.sleep(0.002 * (i % 2 == 0))
        return i * i

    assert _cpus.on_threads(late_if_even, range(20), n_threads) == [i * i for i in range(20)]
    assert _cpus.on_threads(late_if_even, range(0), n_threads) == []


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_as_many_threads_as_said(n_threads):
    gate = threading.Barrier(n_threads)  # passed only if so many are there at once

    def meet(_):
        gate.wait(timeout=30.0)
        return threading.get_ident()

    assert len(set(_cpus.on_threads(meet, range(n_threads), n_threads))) == n_threads
    assert set(_cpus.on_threads(lambda _: threading.get_ident(), range(3), 1)) == {
        threading.get_ident()
    }


@pytest.mark.parametrize("n_threads", [1, 4])
def test_the_first_error_is_raised_and_the_rest_is_left(n_threads):
    begun = []

    def fail(i):
        begun.append(i)
        if i in (3, 5):
            time.sleep(0.01 * (i == 3))
            raise ValueError(f"item {i}")

    with pytest.raises(ValueError, match="item 3"):
        _cpus.on_threads(fail, range(10_000), n_threads)
    assert len(begun) < 10_000
    assert threading.active_count() == 1 or not any(
        "ThreadPoolExecutor" in thread.name for thread in threading.enumerate()
    )


def test_work_is_done_at_the_exit_of_the_interpreter_where_no_thread_can_be_started():
    script = (
        "import atexit\n"
        "from lsgd_fast._cpus import on_threads\n"
        "atexit.register(lambda: print(on_threads(abs, [-1, 2, -3], 2)))\n"
    )
    done = run_python(script)
    assert (done.stdout.strip(), done.stderr) == ("[1, 2, 3]", "")
