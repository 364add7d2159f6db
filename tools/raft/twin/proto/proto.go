// Package proto stands in for google.golang.org/protobuf/proto in the WebAssembly build: what etcd's raft calls, over
// the twin of raftpb that generate-twin.mjs makes. The bytes on the wire are the same; unknown fields are dropped.
package proto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

type Message interface {
	Size() int
	AppendTo([]byte) []byte
	Parse([]byte) error
	CloneMessage() Message
	Reset()
	IsNil() bool
}

var ErrFormat = errors.New("proto: malformed message")

func Size(m Message) int                  { return m.Size() }
func Clone(m Message) Message             { return m.CloneMessage() }
func Marshal(m Message) ([]byte, error)   { return m.AppendTo(make([]byte, 0, m.Size())), nil }
func Append(b []byte, m Message) []byte   { return m.AppendTo(b) }
func Unmarshal(b []byte, m Message) error { m.Reset(); return m.Parse(b) }
func Bool(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}
func VarintSize(v uint64) int                { return (bits.Len64(v|1) + 6) / 7 }
func Varint(b []byte) (uint64, int)          { return binary.Uvarint(b) }
func AppendVarint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }
func Equal(a, b Message) bool {
	if a.IsNil() || b.IsNil() {
		return a.IsNil() == b.IsNil()
	}
	return bytes.Equal(a.AppendTo(nil), b.AppendTo(nil))
}

// Field splits one field off b: its key, its varint value or its bytes, the rest.
func Field(b []byte) (key, u uint64, p, rest []byte, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 || key>>3 == 0 {
		return 0, 0, nil, nil, ErrFormat
	}
	b = b[n:]
	size := 0
	switch key & 7 {
	case 0:
		u, size = binary.Uvarint(b)
		if size <= 0 {
			return 0, 0, nil, nil, ErrFormat
		}
		return key, u, nil, b[size:], nil
	case 1:
		size = 8
	case 2:
		l, n := binary.Uvarint(b)
		if n <= 0 || l > uint64(len(b)-n) {
			return 0, 0, nil, nil, ErrFormat
		}
		return key, 0, b[n : n+int(l)], b[n+int(l):], nil
	case 5:
		size = 4
	default:
		return 0, 0, nil, nil, ErrFormat
	}
	if len(b) < size {
		return 0, 0, nil, nil, ErrFormat
	}
	return key, 0, b[:size], b[size:], nil
}
