# shellcheck shell=bash
# nginx and bcryptd as a pair: what script/server and docker/entrypoint share. Sourced after lib.sh,
# never run. Who sources it sets
#   binary                   the program
#   run_dir                  where nginx's configuration, its number and its temporary files go
#   lock                     a descriptor that neither may inherit, if there is one
#   bcryptd_log, nginx_log   their files, if they have any

bcryptd_pid='' nginx_pid='' stop_seconds=15

# read_client_limits: the limits of one client, from the environment.
read_client_limits() {
    client_rate=${BCRYPTD_CLIENT_RATE:-20}
    client_burst=${BCRYPTD_CLIENT_BURST:-40}
    client_connections=${BCRYPTD_CLIENT_CONNECTIONS:-20}
    client_limited=0

    require_number BCRYPTD_CLIENT_RATE "$client_rate" 1 1000000
    require_number BCRYPTD_CLIENT_BURST "$client_burst" 1 1000000
    require_number BCRYPTD_CLIENT_CONNECTIONS "$client_connections" 1 65535
    require_switch BCRYPTD_CLIENT_LIMITS "${BCRYPTD_CLIENT_LIMITS:-on}"
    [[ ${BCRYPTD_CLIENT_LIMITS:-on} == off ]] || client_limited=1
}

# require_path NAME VALUE: fails unless nginx's configuration can hold the path. It stands between
# quotes there, where $ starts a variable.
require_path() {
    [[ $2 != *[\"\\\$\;\{\}]* ]] ||
        fail "$1: '$2' has a character that nginx's configuration cannot hold"
}

# setting NAME: of bcryptd, what the environment says, or its default.
setting() {
    "$binary" --list-options | awk -F '\t' -v name="$1" \
        '$1 == name { print $2 in ENVIRON ? ENVIRON[$2] : $4 }'
}

# check_settings: fails unless bcryptd takes the environment's, which name BCRYPTD_SOCKET_DIR.
check_settings() {
    "$binary" --test-config >/dev/null || fail "bcryptd does not take these settings"
    # It ends its workers by itself after stop-timeout-ms.
    stop_seconds=$(($(setting stop-timeout-ms) / 1000 + 5))
}

# configure_nginx TREE NAME=VALUE...: writes nginx's configuration; the values are those that differ
# between the callers. pool_servers divides the cap of these settings.
configure_nginx() {
    rm -rf "$run_dir/nginx"
    cp -r "$1" "$run_dir/nginx"
    mkdir -p "$run_dir/temp"
    render_template "$1/values.conf.j2" \
        client_burst="$client_burst" \
        client_connections="$client_connections" \
        client_limited="$client_limited" \
        client_rate="$client_rate" \
        drain_file="$run_dir/drain" \
        pool_servers="$(pool_servers "$BCRYPTD_SOCKET_DIR" "$(setting pool-size)" "$("$binary" --print-cap)")" \
        status_socket="$BCRYPTD_SOCKET_DIR/status.sock" \
        temp_dir="$run_dir/temp" \
        unlimited_networks="" \
        "${@:2}" \
        >"$run_dir/nginx/values.conf"
}

# start_daemon COMMAND...: in the background; sets started_pid. A session of its own keeps the
# terminal's Ctrl-C away from it, as the order of stopping matters.
start_daemon() {
    local held=${lock:-9}

    setsid "$@" {held}>&- </dev/null &
    started_pid=$!
}

start_bcryptd() {
    start_daemon "$binary"
    bcryptd_pid=$started_pid
}

# glibc overwrites freed memory, so that no password stays in nginx's heap; its cache of small
# pieces would be left out of that. Functions that are looked up at their first call would have
# the registers, which may hold a piece of it, saved on the stack.
start_nginx() {
    GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0 LD_BIND_NOW=1 \
        start_daemon nginx -e stderr -c "$run_dir/nginx/nginx.conf" \
        -g "daemon off; pid \"$run_dir/nginx.pid\";"
    nginx_pid=$started_pid
}

# check_running: fails, with the log of the one that ended. One that was not started yet has not.
check_running() {
    if [[ -n $bcryptd_pid ]] && ! kill -0 "$bcryptd_pid" 2>/dev/null; then
        show_log "${bcryptd_log:-}"
        fail "bcryptd ended"
    fi
    if [[ -n $nginx_pid ]] && ! kill -0 "$nginx_pid" 2>/dev/null; then
        show_log "${nginx_log:-}"
        fail "nginx ended"
    fi
}

# stop_daemon PID SECONDS SIGNAL...: one signal after the other, each with that time to work.
stop_daemon() {
    local signal

    [[ -n $1 ]] || return 0
    for signal in "${@:3}" KILL; do
        kill -s "$signal" "$1" 2>/dev/null || break
        wait_gone "$1" "$2" && break
    done
    # Children that a killed parent has left.
    kill -s KILL -- "-$1" 2>/dev/null || true
}

# stop_pair: nginx first, so that bcryptd is there for the requests that nginx still has.
stop_pair() {
    stop_daemon "$nginx_pid" 15 QUIT TERM
    stop_daemon "$bcryptd_pid" "$stop_seconds" TERM
}
