# Sourced by the scripts here: builds in a copy of the checkout, and searches what runs print.
checkout=$(cd "$here/../.." && pwd)
python=$(command -v "${PYTHON:-python3}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build() { # compiler with its flags, and what else shared objects are linked with
    mkdir "$scratch/build"
    cp -r "$checkout"/{setup.py,pyproject.toml,README.md,LICENSE,lsgd_fast} "$scratch/build"
    find "$scratch/build/lsgd_fast" -name "*.so" -delete
    # a part of CC, for the program with which setup.py tries OpenMP needs the compiler's flags, too
    (cd "$scratch/build" && ASAN_OPTIONS=detect_leaks=0 CC=$1 LDSHARED="$1 ${2-} -shared" \
        setarch -R "$python" setup.py build_ext --inplace) >"$scratch/build.log" 2>&1 ||
        { tail -n 20 "$scratch/build.log"; exit 2; }
    grep -q 'building with OpenMP' "$scratch/build.log" || { cat "$scratch/build.log"; exit 2; }
}

run() { # arguments of random_calls.py, what a report looks like, and a command to run Python under
    local arguments=$1 pattern=$2 code=0
    shift 2
    PYTHONPATH="$scratch/build" PYTHONDONTWRITEBYTECODE=1 \
        "$@" "$python" -P "$here/../random_calls.py" $arguments >"$scratch/log" 2>&1 || code=$?
    tail -n 2 "$scratch/log" | cut -c 1-200
    if ((code)) || grep -qE "$pattern" "$scratch/log"; then
        cat "$scratch/log"
        echo "FAILED: exit code $code, $(grep -cE "$pattern" "$scratch/log" || true) reports"
        exit 1
    fi
}
