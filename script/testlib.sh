# shellcheck shell=bash
# What the scripts that run tests count, and how they say it. Sourced, never run.

PYTHON=/usr/bin/python3 # Debian's, which has Debian's modules
passed=0
failed=0
skipped=0

count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# Runs a step that is one test by its exit code.
step() {
    printf '\n== %s\n' "$1"
    if "${@:2}"; then
        count 1 0 0
    else
        printf 'FAILED: %s\n' "$1"
        count 0 1 0
    fi
}

# A number from pytest's or ctest's report, 0 when it is not there.
number() {
    grep -oP "$1" "$2" | tail -n 1 || echo 0
}

run_pytest() {
    local report status=0
    report=$(mktemp)
    printf '\n== %s\n' "$1"
    "$PYTHON" -m pytest -q "${@:2}" | tee "$report" || status=$?
    local ok bad errors left
    ok=$(number '[0-9]+(?= passed)' "$report")
    bad=$(number '[0-9]+(?= failed)' "$report")
    errors=$(number '[0-9]+(?= errors?\b)' "$report")
    left=$(number '[0-9]+(?= skipped)' "$report")
    rm "$report"
    bad=$((${bad:-0} + ${errors:-0}))
    [[ $status -eq 0 || $bad -gt 0 ]] || bad=1
    count "${ok:-0}" "$bad" "${left:-0}"
}

# The sum; false when a test failed, or none passed.
sum_up() {
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [[ $failed -eq 0 && $passed -gt 0 ]]
}
