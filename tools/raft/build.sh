#!/bin/sh
# Builds etcd's raft as WebAssembly. usage: build.sh OUT.wasm [WORK_FOLDER]
# Only raftpb/raft.pb.go of etcd's source is replaced, by its twin. The result is the same bytes in every folder.
# Needs Go (1.21 or newer fetches the release that go.mod names) and Node.js.
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=${2:-$(mktemp -d)}
cp -r "$here/go" "$here/twin" "$work/"
cd "$work/go"

# etcd's source as the checksum in go.sum proves it.
version=$(sed -n 's|^	go.etcd.io/raft/v3 ||p' go.mod)
sum=$(sed -n "s|^go.etcd.io/raft/v3 $version ||p" go.sum)
found=$(cd "$work" && go mod download -json "go.etcd.io/raft/v3@$version")
source=$(printf '%s' "$found" | sed -n 's|^	"Dir": "\(.*\)",*$|\1|p')
case $found in
*"\"Sum\": \"$sum\""*) ;;
*)
  echo "build.sh: go.etcd.io/raft/v3 $version is not what go.sum says ($sum)" >&2
  exit 1
  ;;
esac

cp -r "$source" "$work/raft"
chmod -R u+w "$work/raft"
node "$here/generate-twin.mjs" "$source/raftpb/raft.pb.go" "$work/raft/raftpb/raft.pb.go"
gofmt -w "$work/raft/raftpb/raft.pb.go"
GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 GOFLAGS= go build -buildmode=c-shared -trimpath -buildvcs=false \
  -ldflags='-s -w -buildid=' -o "$out" .
[ -n "$2" ] || rm -rf "$work"
