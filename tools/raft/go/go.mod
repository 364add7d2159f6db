module raftwasm

go 1.26

toolchain go1.26.8

require (
	go.etcd.io/raft/v3 v3.7.0
	google.golang.org/protobuf v1.36.11
)

replace google.golang.org/protobuf => ../twin

replace go.etcd.io/raft/v3 => ../raft
