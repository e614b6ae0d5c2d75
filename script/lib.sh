# shellcheck shell=bash
# Functions that the scripts of this directory share. Sourced, never run.

# Where nginx is; an ordinary user's path leaves these out.
PATH=$PATH:/usr/sbin:/sbin

note() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# as_root COMMAND...: runs it as root, by sudo when need be.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo"
    fi
}

# require_number NAME VALUE MINIMUM MAXIMUM: fails unless the value is such a whole number.
require_number() {
    if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || (($2 < $3 || $2 > $4)); then
        fail "$1: '$2' is not usable; allowed: a whole number from $3 to $4"
    fi
}

# require_switch NAME VALUE: fails unless the value is on or off.
require_switch() {
    [[ $2 == on || $2 == off ]] || fail "$1: '$2' is not usable; allowed: on, off"
}

# has_ipv6_loopback: whether ::1 can be listened on.
has_ipv6_loopback() {
    grep -qs '^0\{31\}1 ' /proc/net/if_inet6
}

# is_listening ADDRESS PORT: whether something accepts TCP connections there.
is_listening() {
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# wait_gone PID SECONDS: waits for the end of a process; false when it is still there after that.
wait_gone() {
    timeout "$2" tail -s 0.05 --pid="$1" -f /dev/null
}

# show_log FILE: the end of a log, for an error message.
show_log() {
    [[ -s $1 ]] || return 0
    printf 'The end of %s:\n' "$1" >&2
    tail -n 20 "$1" | sed 's/^/    /' >&2
}

# render_template FILE NAME=VALUE...: prints the file with each "{{ NAME }}" replaced. A placeholder
# without a value is an error, and so is a value without a placeholder.
render_template() {
    local file=$1 text pair

    text=$(<"$file")
    for pair in "${@:2}"; do
        [[ $text == *"{{ ${pair%%=*} }}"* ]] || fail "$file has no {{ ${pair%%=*} }}"
        text=${text//"{{ ${pair%%=*} }}"/"${pair#*=}"}
    done
    if [[ $text =~ \{\{[^}]*\}\} ]]; then
        fail "$file: no value for ${BASH_REMATCH[0]}"
    fi
    printf '%s\n' "$text"
}

# pool_servers SOCKET_DIR POOL_SIZE CAP: the server lines of nginx's upstreams. The sockets share the
# in-flight cap; with more sockets than that, the last ones are left out (0 would mean no limit).
pool_servers() {
    local i

    for ((i = 0; i < $2 && i < $3; i++)); do
        printf 'server "unix:%s/pool-%d.sock" max_fails=0 max_conns=%d;\n' \
            "$1" "$i" $((($3 + $2 - 1 - i) / $2))
    done
}

# make_certificate DIRECTORY: a self-signed certificate for this machine, kept for the next start
# and renewed in the last week of its life.
make_certificate() {
    local certificate=$1/certificate.pem key=$1/certificate.key

    if [[ -s $key ]] && openssl x509 -in "$certificate" -noout -checkend 604800 &>/dev/null; then
        return 0
    fi
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 \
            -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
            -keyout "$key.new" -out "$certificate.new" 2>"$1/openssl.log"
    ) || {
        show_log "$1/openssl.log"
        fail "openssl made no certificate"
    }
    chmod 644 "$certificate.new"
    mv "$key.new" "$key"
    mv "$certificate.new" "$certificate"
    rm -f "$1/openssl.log"
}
