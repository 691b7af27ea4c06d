#!/bin/sh
# A sweep in parts under GNU parallel, on this machine or on several, and the parts put together:
#     examples/job-arrays/parallel.sh 8 --lr 0.01..10:log:13 --width 2..8
# Run again after an interruption it makes what is missing. PARALLEL_OPTIONS may name machines, as in
# "--sshloginfile hosts --workdir . --return {}": see `man parallel`.
set -eu
parts=$1
shift
mkdir -p parts
# shellcheck disable=SC2086
seq "$parts" | parallel ${PARALLEL_OPTIONS:-} --halt now,fail=1 --joblog parts/log \
    wgrad sweep "$@" -q --shard "{}/$parts" --save "parts/{}.json"
wgrad sweep --join parts/*.json --csv sweep.csv --force
