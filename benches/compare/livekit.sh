#!/bin/sh
# Builds LiveKit's server from the Go module proxy into target/peers.
#
# `go install …@version` refuses modules with replace directives, so the module is built from a
# module of ours that repeats its go.mod. Not every version's dependencies are served everywhere:
# VERSION names another one.
set -eu
VERSION=${VERSION:-v1.13.5}
TARGET=${1:-$(cd "$(dirname "$0")/../.." && pwd)/target/peers}
MODULE=github.com/livekit/livekit-server
mkdir -p "$TARGET/livekit-build"
cd "$TARGET/livekit-build"
export GOFLAGS=-mod=mod
go mod download "$MODULE@$VERSION" 2>/dev/null || { [ -f go.mod ] || go mod init peer.invalid/livekit; go mod download "$MODULE@$VERSION"; }
CACHE=$(go env GOMODCACHE)
sed 's#^module .*#module peer.invalid/livekit#' "$CACHE/cache/download/$MODULE/@v/$VERSION.mod" > go.mod
cp "$CACHE/$MODULE@$VERSION/go.sum" go.sum
chmod u+w go.sum
go mod edit -require="$MODULE@$VERSION"
go build -o ../livekit-server "$MODULE/cmd/server"
"$TARGET/livekit-server" --version
