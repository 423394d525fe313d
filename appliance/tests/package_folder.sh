# What of `package.sh` needs no running system: sourced where no container can boot.

dpkg_in() { # dpkg_in WHAT OPTION...
    local what=$1
    shift
    in_box dpkg "$@" </dev/null >"$cache/dpkg.log" 2>&1 || { cat "$cache/dpkg.log"; fail "$what"; }
}
version() { in_box dpkg-query -W -f '${Version}' ringward; }

say "installing $(basename "$old")"
dpkg_in install -i /packages/old.deb
first=$(version)
in_box ringward --version >/dev/null || fail "ringward does not start"
in_box ringward-console --version >/dev/null || fail "ringward-console does not start"
[ "$(in_box stat -c %U:%G:%a /etc/ringward/ringward.toml)" = root:ringward:640 ] || fail "the settings' owner"
. "$(dirname "$0")/package_pages.sh"
for path in /usr/share/doc/ringward/copyright /usr/share/doc/ringward/sbom.cdx.json; do
    in_box test -s "$path" || fail "no $path"
done
in_box sh -c 'echo "# changed by the hospital" >> /etc/ringward/ringward.toml'

say "upgrading, downgrading"
dpkg_in upgrade -i --force-confold /packages/new.deb
[ "$(version)" != "$first" ] || fail "the version is the same"
dpkg_in downgrade -i --force-confold /packages/old.deb
[ "$(version)" = "$first" ] || fail "not downgraded"
in_box grep -q 'changed by the hospital' /etc/ringward/ringward.toml || fail "the settings were replaced"

say "removing, purging"
dpkg_in remove --remove ringward
in_box test -e /etc/ringward/ringward.toml || fail "removal erased the settings"
dpkg_in "install again" -i /packages/new.deb
dpkg_in purge --purge ringward
for path in /var/lib/ringward /etc/ringward /usr/bin/ringward; do
    in_box test -e "$path" && fail "$path is still there"
done

printf 'package: installed, upgraded, downgraded, removed, purged, without a running service\n'
