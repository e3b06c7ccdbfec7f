# Sourced by the scripts beside it: copies of the checkout, environments, what builds compute.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
renice -n 10 -p $$ >/dev/null || true
unset PYTHONPATH

quietly() { "$@" &>"$scratch/log" || { tail -n 40 "$scratch/log" >&2; return 1; }; }

copy_sources() { # folder; pip and setup.py build in the folder that they are given
    mkdir -p "$1"
    tar -C "$checkout" --exclude-vcs --exclude=__pycache__ --exclude=./build --exclude='*.egg-info' \
        --exclude='./lsgd_fast/**.so' --exclude='./lsgd_fast/**.c' --exclude='./.*_cache' -cf - . |
        tar -C "$1" -xf -
}

compare() { # command of a Python that has the package: its digests with those of the first, or EXPECT
    local hashes=tests/support/hashes.py
    if [[ -z ${EXPECT-} ]]; then
        EXPECT=$scratch/expected.json
        "$@" -P "$checkout/$hashes" >"$EXPECT" || return 1
        echo "the others are compared with the digests of this one"
    else
        "$@" -P "$checkout/$hashes" --expect "$EXPECT"
    fi
}
