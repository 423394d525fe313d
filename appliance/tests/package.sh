#!/usr/bin/env bash
# The package on a real Debian under a real systemd: installed, used, upgraded, downgraded, removed,
# purged. `cargo xtask package-test` calls it with the two packages and a folder for its cache.
#
# usage: package.sh OLD.deb NEW.deb CACHE
set -euo pipefail

old=$(realpath "$1") new=$(realpath "$2") cache=$3
[ "$(id -u)" = 0 ] || { echo "package.sh: only root may boot a container; run it with sudo"; exit 1; }
for tool in debootstrap systemd-nspawn nsenter; do
    command -v "$tool" >/dev/null || {
        echo "package.sh: $tool is missing: apt-get install debootstrap systemd-container util-linux"
        exit 1
    }
done

say() { printf '   %s\n' "$*"; }
fail() {
    printf '\nFAILED: %s\n' "$*"
    in_box journalctl -u ringward.service -u ringward.socket --no-pager -n 40 2>/dev/null || true
    exit 1
}

mkdir -p "$cache"
base=$cache/debian
if [ ! -e "$base.done" ]; then
    say "making a Debian in $base (once)"
    # Where this machine gets its own packages; nothing said: where debootstrap does.
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Codename: bookworm' 2>/dev/null | head -n 1 || true)}
    rm -rf "$base"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,curl \
        bookworm "$base" ${mirror:+"$mirror"} >"$cache/debootstrap.log" 2>&1 ||
        { tail -n 20 "$cache/debootstrap.log"; exit 1; }
    touch "$base.done"
fi

root=$(mktemp -d "$cache/box.XXXXXX")
cp -a "$base/." "$root/"
mkdir -p "$root/packages"
cp "$old" "$root/packages/old.deb"
cp "$new" "$root/packages/new.deb"

container=
stop() {
    [ -z "$container" ] || { kill "$container" 2>/dev/null; wait "$container" 2>/dev/null; } || true
    rm -rf "$root" || true
}
trap stop EXIT

say "booting"
# The filter of nspawn itself knows no io_uring; the unit's own filter is what is tested.
systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --private-network \
    --system-call-filter='@aio' --console=pipe --boot </dev/null >"$cache/boot.log" 2>&1 &
container=$!
leader=
boots() {
    for _ in $(seq 200); do
        leader=$(pgrep -P "$container" | head -n 1 || true)
        [ -n "$leader" ] && nsenter -t "$leader" -m -u -i -n -p \
            systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded' && return
        kill -0 "$container" 2>/dev/null || return
        sleep 0.1
    done
    return 1
}
if ! boots; then
    tail -n 20 "$cache/boot.log"
    say "no container boots on this machine: the package goes into the folder, without a service manager"
    in_box() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C "$@"; }
    . "$(dirname "$0")/package_folder.sh"
    exit
fi
in_box() { nsenter -t "$leader" -m -u -i -n -p env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C "$@"; }

# An address, as a hospital's network would give one.
in_box ip link add ward type veth peer name eno1
in_box ip address add 10.77.0.2/24 dev eno1
in_box ip link set ward up
in_box ip link set eno1 up

https() { in_box curl --silent --insecure --max-time 10 "$@"; }
api=https://10.77.0.2

serves() {
    # It answers a moment before systemd has heard that it is ready.
    for _ in $(seq 100); do
        in_box systemctl is-active --quiet ringward.service && break
        sleep 0.1
    done
    in_box systemctl is-active --quiet ringward.service || fail "$1: the service does not run"
    https --fail --output /dev/null "$api/readyz" || fail "$1: /readyz does not answer"
}
version() { in_box dpkg-query -W -f '${Version}' ringward; }
token() {
    in_box /usr/bin/ringward token create --room "$1" \
        --identity nurse --admin | tail -n 1
}
create_room() {
    https --fail --request POST "$api/twirp/livekit.RoomService/CreateRoom" \
        --header "Authorization: Bearer $(token "$1")" \
        --header 'Content-Type: application/json' --data "{\"name\":\"$1\"}" >/dev/null ||
        fail "room $1 was not created"
}
says() { # says WHEN WHAT COMMAND...: the command succeeds or not, and shows WHAT
    local when=$1 what=$2 shown
    shift 2
    shown=$(in_box "$@" 2>&1) || true
    case $shown in
    *"$what"*) ;;
    *) fail "$when: \`$*\` does not show $what" ;;
    esac
}
kept() { # kept WHEN ROOM...: events of the rooms, what an operator did, who could not connect
    local when=$1 room
    shift
    for room in "$@"; do says "$when" '"room"' ringward events --room "$room" --json; done
    says "$when" undrain ringward audit
    [ -z "$attempted" ] || says "$when" TOKEN-MALFORMED ringward why
}
attempted=
# A client that speaks no media: it stays until the box says goodbye.
join() {
    in_box sh -c "sleep 60 | curl --silent --insecure --no-buffer --max-time 60 --http1.1 \
        --header 'Connection: Upgrade' --header 'Upgrade: websocket' --header 'Sec-WebSocket-Version: 13' \
        --header 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' --output /dev/null \
        '$api/rtc?protocol=15&access_token=$(token "$1")' >/dev/null 2>&1 &"
    for _ in $(seq 100); do
        case $(in_box ringward rooms --json) in *'"people":1'*) return ;; esac
        sleep 0.1
    done
    fail "nobody joined $1"
}

say "installing $(basename "$old")"
in_box dpkg -i /packages/old.deb >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "dpkg -i"; }
serves "installed"
first=$(version)
create_room before
https --fail --output /dev/null \
    "$api/rtc/validate?access_token=$(token before)" || fail "nobody may join"
in_box ringward drain >/dev/null && in_box ringward undrain >/dev/null || fail "no drain"
kept "installed" before
said=$(in_box journalctl -u ringward.service --no-pager)
case $said in
*'network     io_uring'*) ;;
*) fail "no io_uring in the sandbox" ;;
esac
[ "$(in_box stat -c %U:%G:%a /var/lib/ringward)" = ringward:ringward:700 ] || fail "the data folder's owner"
[ "$(in_box stat -c %U:%G:%a /etc/ringward/ringward.toml)" = root:ringward:640 ] || fail "the settings' owner"
in_box systemctl is-enabled --quiet ringward.service || fail "not enabled"
. "$(dirname "$0")/package_pages.sh"
in_box test -s /usr/share/doc/ringward/copyright || fail "no copyright"
in_box test -s /usr/share/doc/ringward/sbom.cdx.json || fail "no SBOM"
# The disk is this machine's own, and may be as full or slow as it is.
in_box ringward check --json >"$cache/check.json" || true
failed=$(awk -F'"' '/"code"/ { code = $4 } /"grade": "FAIL"/ && code !~ /DISK|FSYNC/ { print code }' \
    "$cache/check.json")
[ -s "$cache/check.json" ] && [ -z "$failed" ] || fail "the preflight fails on an installed box: $failed"

say "what the service may see"
process=$(in_box systemctl show --property=MainPID --value ringward.service)
for hidden in home/ root/ var/log run/dbus; do
    [ -z "$(in_box ls -A "/proc/$process/root/$hidden" 2>/dev/null)" ] || fail "/$hidden is visible"
done

say "a hanging thread: the watchdog starts it again"
restarts=$(in_box systemctl show --property=NRestarts --value ringward.service)
in_box sh -c "kill -STOP $process"
for _ in $(seq 150); do
    [ "$(in_box systemctl show --property=NRestarts --value ringward.service)" != "$restarts" ] && break
    sleep 0.1
done
for _ in $(seq 100); do https --fail --output /dev/null "$api/readyz" && break; sleep 0.1; done
serves "after the watchdog"
[ "$(in_box systemctl show --property=NRestarts --value ringward.service)" != "$restarts" ] ||
    fail "the watchdog did nothing"
kept "after the watchdog" before
says "rings" "rings take" ringward check
says "whose limit" "locked by the running service (process $(in_box systemctl show -P MainPID \
    ringward.service))" ringward check --json
# Not before: a crash costs the logbook its last line.
https --output /dev/null "$api/rtc?protocol=15&access_token=nonsense"
attempted=yes

say "upgrading to $(basename "$new")"
in_box sh -c 'echo "# changed by the hospital" >> /etc/ringward/ringward.toml'
in_box dpkg -i --force-confold /packages/new.deb >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "upgrade"; }
[ "$(version)" != "$first" ] || fail "the version is the same"
serves "upgraded"
kept "upgraded" before
in_box grep -q 'changed by the hospital' /etc/ringward/ringward.toml || fail "the settings were replaced"
create_room between

say "downgrading to $(basename "$old")"
in_box dpkg -i --force-confold /packages/old.deb >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "downgrade"; }
[ "$(version)" = "$first" ] || fail "not downgraded"
serves "downgraded"
kept "downgraded" before between

say "backed up, lost, restored"
in_box ringward backup /root/copy >/dev/null || fail "backup"
in_box systemctl stop ringward.service 2>/dev/null
in_box mv /var/lib/ringward /var/lib/ringward.lost
in_box install -d -o ringward -g ringward -m 700 /var/lib/ringward
in_box ringward restore /root/copy >/dev/null || fail "restore"
in_box rm -r /var/lib/ringward.lost
in_box systemctl start ringward.service
serves "restored"
kept "restored" before between

say "stopped means stopped, once calls had their time"
join call
began=$SECONDS
in_box systemctl stop --no-block ringward.service 2>/dev/null
for _ in $(seq 50); do
    case $(in_box systemctl status ringward.service) in *'Draining: 1 rooms'*) break ;; esac
    sleep 0.1
done
says "stopping" "Draining: 1 rooms" systemctl status ringward.service
in_box systemctl stop ringward.service 2>/dev/null
took=$((SECONDS - began))
[ "$took" -ge 9 ] && [ "$took" -le 20 ] || fail "a stop with a call took $took s"
[ "$(in_box systemctl show --property=Result --value ringward.service)" = success ] || fail "it was killed"
https --output /dev/null "$api/readyz" && fail "the socket started it again"
says "whose limit, stopped" "locked by the service (/usr/lib/systemd/system/ringward.service)" ringward check --json
in_box systemctl start ringward.service
serves "started again"

say "removing"
in_box dpkg --remove ringward >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "remove"; }
in_box test -d /var/lib/ringward/journal || fail "removal erased the data"
in_box test -e /etc/ringward/ringward.toml || fail "removal erased the settings"
in_box systemctl is-active --quiet ringward.service && fail "it runs without its package"
in_box dpkg -i /packages/new.deb >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "install again"; }
serves "installed again"
kept "installed again" before between

say "purging"
in_box dpkg --purge ringward </dev/null >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "purge"; }
for path in /var/lib/ringward /etc/ringward /usr/bin/ringward /run/ringward-root; do
    in_box test -e "$path" && fail "$path is still there"
done
in_box systemctl --failed --no-legend | grep ringward && fail "a failed unit is left"

printf 'package: installed, used, upgraded, downgraded, removed, purged\n'
