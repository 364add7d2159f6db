//go:build wasip1

// Command raftwasm gives etcd's raft.RawNode, which does no I/O, to a JavaScript host. It is built by ../build.sh as a
// WASI reactor; native-free-core/metadata/raft/raft-instance.ts is the other side and must change with it.
//
// Integers are little-endian. One input and one output buffer belong to Go; their addresses stand in a control block
// that never moves:
//
//	 0               4               8               12              16
//	+---------------+---------------+---------------+---------------+
//	| input address | input size    | output address| output length |
//	+---------------+---------------+---------------+---------------+
//
// A call returns 0 or more on success (its meaning is the function's) or a negative code, and then the output buffer
// holds the error's text in UTF-8. Node ids, terms and indexes are f64 in parameters (exact up to 2^53, and no BigInt)
// and u64 in buffers.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"unsafe"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

//go:wasmimport raft_host log
func hostLog(node float64, level uint32, ptr unsafe.Pointer, n uint32)

//go:wasmimport raft_host random
func hostRandom(ptr unsafe.Pointer, n uint32)

// hostRand replaces crypto/rand.Reader. Raft draws nothing but election timeouts there, so a seeded stream makes its
// trace repeat. The Go runtime's own randomness (hash seeds) stays apart: it does not change the trace.
type hostRand struct{}

func (hostRand) Read(p []byte) (int, error) {
	if len(p) > 0 {
		hostRandom(unsafe.Pointer(&p[0]), uint32(len(p)))
	}
	return len(p), nil
}

var _ io.Reader = hostRand{}

const (
	codeError = -1 // any other error
	codeDrop  = -2 // raft.ErrProposalDropped
	codePanic = -3 // Go panic caught at the boundary: the node is poisoned
	codeStale = -4 // raft.ErrCompacted, ErrUnavailable, ErrSnapOutOfDate
	codePeer  = -5 // raft.ErrStepPeerNotFound, ErrStepLocalMsg
)

var (
	ctl   [4]uint32
	in    []byte
	out   []byte
	nodes []*node
)

type node struct {
	id     uint64
	rn     *raft.RawNode
	ms     *raft.MemoryStorage
	cs     *pb.ConfState // overrides the snapshot's ConfState at start
	async  bool
	dead   bool
	level  uint32
	rd     raft.Ready // sync mode: accepted and not yet advanced
	open   bool
	appQ   []*pb.Message // async mode: MsgStorageAppend / MsgStorageApply in flight
	applyQ []*pb.Message
}

type store struct {
	*raft.MemoryStorage
	cs *pb.ConfState
}

func (s store) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hs, cs, err := s.MemoryStorage.InitialState()
	if s.cs != nil {
		cs = s.cs
	}
	return hs, cs, err
}

// logger forwards to the host. Levels: 0 debug, 1 info, 2 warning, 3 error, 4 panic.
type logger struct{ n *node }

func (l logger) put(lv uint32, s string) {
	if lv >= l.n.level && len(s) > 0 {
		hostLog(float64(l.n.id), lv, unsafe.Pointer(unsafe.StringData(s)), uint32(len(s)))
	}
}
func (l logger) putf(lv uint32, f string, v []any) {
	if lv >= l.n.level {
		l.put(lv, fmt.Sprintf(f, v...))
	}
}
func (l logger) Debug(v ...any)              { l.put(0, fmt.Sprint(v...)) }
func (l logger) Debugf(f string, v ...any)   { l.putf(0, f, v) }
func (l logger) Info(v ...any)               { l.put(1, fmt.Sprint(v...)) }
func (l logger) Infof(f string, v ...any)    { l.putf(1, f, v) }
func (l logger) Warning(v ...any)            { l.put(2, fmt.Sprint(v...)) }
func (l logger) Warningf(f string, v ...any) { l.putf(2, f, v) }
func (l logger) Error(v ...any)              { l.put(3, fmt.Sprint(v...)) }
func (l logger) Errorf(f string, v ...any)   { l.putf(3, f, v) }
func (l logger) Panic(v ...any)              { panic(fmt.Sprint(v...)) }
func (l logger) Panicf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }
func (l logger) Fatal(v ...any)              { panic(fmt.Sprint(v...)) }
func (l logger) Fatalf(f string, v ...any)   { panic(fmt.Sprintf(f, v...)) }

// ---- boundary helpers ----

func addr(b []byte) uint32 {
	if cap(b) == 0 {
		return 0
	}
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

func publish() int32 {
	ctl[2], ctl[3] = addr(out), uint32(len(out))
	return int32(len(out))
}

func fail(code int32, text string) int32 {
	out = append(out[:0], text...)
	publish()
	return code
}

func result(err error) int32 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, raft.ErrProposalDropped):
		return fail(codeDrop, err.Error())
	case errors.Is(err, raft.ErrCompacted), errors.Is(err, raft.ErrUnavailable), errors.Is(err, raft.ErrSnapOutOfDate):
		return fail(codeStale, err.Error())
	case errors.Is(err, raft.ErrStepPeerNotFound), errors.Is(err, raft.ErrStepLocalMsg):
		return fail(codePeer, err.Error())
	}
	return fail(codeError, err.Error())
}

// call runs f on a live node. A panic becomes codePanic with the stack as text; the node takes no call after it.
func call(h int32, f func(n *node) int32) (code int32) {
	if h < 0 || int(h) >= len(nodes) || nodes[h] == nil {
		return fail(codeError, "no such node")
	}
	n := nodes[h]
	if n.dead {
		return fail(codePanic, "node is poisoned by an earlier panic")
	}
	defer func() {
		if r := recover(); r != nil {
			n.dead = true
			code = fail(codePanic, fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
	}()
	return f(n)
}

func u32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}
func u64(b []byte, v uint64) []byte { return u32(u32(b, uint32(v)), uint32(v>>32)) }
func blob(b, p []byte) []byte       { return append(u32(b, uint32(len(p))), p...) }

func ents(b []byte, es []*pb.Entry) []byte {
	b = u32(b, uint32(len(es)))
	for _, e := range es {
		b = u64(u64(b, e.GetIndex()), e.GetTerm())
		b = blob(u32(b, uint32(e.GetType())), e.Data)
	}
	return b
}

func ids(b []byte, v []uint64) []byte {
	b = u32(b, uint32(len(v)))
	for _, id := range v {
		b = u64(b, id)
	}
	return b
}

func confState(b []byte, cs *pb.ConfState) []byte {
	b = ids(ids(ids(ids(b, cs.GetVoters()), cs.GetLearners()), cs.GetVotersOutgoing()), cs.GetLearnersNext())
	if cs.GetAutoLeave() {
		return u32(b, 1)
	}
	return u32(b, 0)
}

func snapshot(b []byte, s *pb.Snapshot) []byte {
	m := s.GetMetadata()
	return blob(confState(u64(u64(b, m.GetIndex()), m.GetTerm()), m.GetConfState()), s.GetData())
}

func message(b []byte, m *pb.Message) []byte {
	b = u32(u64(b, m.GetTo()), uint32(m.GetType()))
	at := len(b)
	b = u32(b, 0)
	b = m.AppendTo(b)
	n := uint32(len(b) - at - 4)
	b[at], b[at+1], b[at+2], b[at+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	return b
}

// reader walks the input buffer. A buffer that is too short panics, which call reports.
type reader struct{ b []byte }

func (r *reader) u32() uint32 {
	v := uint32(r.b[0]) | uint32(r.b[1])<<8 | uint32(r.b[2])<<16 | uint32(r.b[3])<<24
	r.b = r.b[4:]
	return v
}
func (r *reader) u64() uint64 { lo := r.u32(); return uint64(lo) | uint64(r.u32())<<32 }
func (r *reader) blob() []byte {
	n := r.u32()
	p := append([]byte(nil), r.b[:n]...)
	r.b = r.b[n:]
	return p
}
func (r *reader) ids() []uint64 {
	v := make([]uint64, r.u32())
	for i := range v {
		v[i] = r.u64()
	}
	return v
}
func (r *reader) confState() *pb.ConfState {
	return &pb.ConfState{Voters: r.ids(), Learners: r.ids(), VotersOutgoing: r.ids(), LearnersNext: r.ids(), AutoLeave: new(r.u32() != 0)}
}
func (r *reader) entries() []*pb.Entry {
	es := make([]*pb.Entry, r.u32())
	for i := range es {
		es[i] = &pb.Entry{Index: new(r.u64()), Term: new(r.u64()), Type: pb.EntryType(r.u32()).Enum(), Data: r.blob()}
	}
	return es
}

// ---- exports ----

//go:wasmexport raft_ctl
func raftCtl() uint32 { return uint32(uintptr(unsafe.Pointer(&ctl))) }

//go:wasmexport raft_reserve
func raftReserve(n uint32) {
	if uint32(cap(in)) < n {
		in = make([]byte, n+n/2)
	}
	in = in[:cap(in)]
	ctl[0], ctl[1] = addr(in), uint32(cap(in))
}

// raft_tune sets GOGC (-1 = only raft_gc collects) and a soft memory limit.
//
//go:wasmexport raft_tune
func raftTune(gogc int32, limit float64) {
	debug.SetGCPercent(int(gogc))
	if limit > 0 {
		debug.SetMemoryLimit(int64(limit))
	}
}

//go:wasmexport raft_gc
func raftGC() { runtime.GC() }

// raft_mem: HeapAlloc, HeapSys, Sys, NumGC, PauseTotalNs, Mallocs.
//
//go:wasmexport raft_mem
func raftMem() int32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out = u64(u64(u64(out[:0], m.HeapAlloc), m.HeapSys), m.Sys)
	out = u64(u64(u64(out, uint64(m.NumGC)), m.PauseTotalNs), m.Mallocs)
	return publish()
}

// raft_create reads the configuration and what the host has persisted: hard state, conf state, snapshot, entries.
// It returns a handle.
//
//go:wasmexport raft_create
func raftCreate(n uint32) (code int32) {
	defer func() {
		if r := recover(); r != nil {
			code = fail(codePanic, fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
	}()
	r := reader{in[:n]}
	nd := &node{ms: raft.NewMemoryStorage()}
	c := &raft.Config{
		ID: r.u64(), Applied: r.u64(), MaxSizePerMsg: r.u64(), MaxCommittedSizePerReady: r.u64(),
		MaxUncommittedEntriesSize: r.u64(), MaxInflightBytes: r.u64(),
		ElectionTick: int(r.u32()), HeartbeatTick: int(r.u32()), MaxInflightMsgs: int(r.u32()),
		Logger: logger{nd},
	}
	f := r.u32()
	c.CheckQuorum, c.PreVote, c.AsyncStorageWrites = f&1 != 0, f&2 != 0, f&4 != 0
	c.DisableProposalForwarding, c.StepDownOnRemoval, c.DisableConfChangeValidation = f&8 != 0, f&16 != 0, f&32 != 0
	if f&64 != 0 {
		c.ReadOnlyOption = raft.ReadOnlyLeaseBased
	}
	nd.level, nd.id, nd.async = r.u32(), c.ID, c.AsyncStorageWrites
	hs := &pb.HardState{Term: new(r.u64()), Vote: new(r.u64()), Commit: new(r.u64())}
	if cs := r.confState(); len(cs.Voters) > 0 || len(cs.Learners) > 0 {
		nd.cs = cs
	}
	s := &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(r.u64()), Term: new(r.u64()), ConfState: r.confState()}, Data: r.blob()}
	if !raft.IsEmptySnap(s) || len(s.Metadata.ConfState.Voters) > 0 {
		if err := nd.ms.ApplySnapshot(s); err != nil {
			return result(err)
		}
	}
	if !raft.IsEmptyHardState(hs) {
		nd.ms.SetHardState(hs)
	}
	if err := nd.ms.Append(r.entries()); err != nil {
		return result(err)
	}
	c.Storage = store{nd.ms, nd.cs}
	rn, err := raft.NewRawNode(c)
	if err != nil {
		return result(err)
	}
	nd.rn = rn
	for i, v := range nodes {
		if v == nil {
			nodes[i] = nd
			return int32(i)
		}
	}
	nodes = append(nodes, nd)
	return int32(len(nodes) - 1)
}

//go:wasmexport raft_destroy
func raftDestroy(h int32) {
	if h >= 0 && int(h) < len(nodes) {
		nodes[h] = nil
	}
}

//go:wasmexport raft_tick
func raftTick(h int32) int32 {
	return call(h, func(n *node) int32 { n.rn.Tick(); return ready01(n) })
}

func ready01(n *node) int32 {
	if n.rn.HasReady() {
		return 1
	}
	return 0
}

// raft_step: one raftpb.Message in protobuf form.
//
//go:wasmexport raft_step
func raftStep(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 {
		m := new(pb.Message)
		if err := m.Parse(in[:size]); err != nil {
			return result(err)
		}
		return result(n.rn.Step(m))
	})
}

// raft_step_many: u32 length + message, repeated. Messages that raft refuses (unknown peer, dropped) are counted; the
// count is the result.
//
//go:wasmexport raft_step_many
func raftStepMany(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 {
		bad := int32(0)
		for r := (reader{in[:size]}); len(r.b) > 0; {
			k := r.u32()
			m := new(pb.Message)
			if m.Parse(r.b[:k]) != nil || n.rn.Step(m) != nil {
				bad++
			}
			r.b = r.b[k:]
		}
		return bad
	})
}

//go:wasmexport raft_propose
func raftPropose(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 { return result(n.rn.Propose(append([]byte(nil), in[:size]...))) })
}

// raft_propose_many: u32 length + data, repeated: one MsgProp, one log append.
//
//go:wasmexport raft_propose_many
func raftProposeMany(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 {
		m := &pb.Message{Type: pb.MsgProp.Enum(), From: new(n.id)}
		for r := (reader{in[:size]}); len(r.b) > 0; {
			m.Entries = append(m.Entries, &pb.Entry{Data: r.blob()})
		}
		return result(n.rn.Step(m))
	})
}

// raft_propose_conf_change: u32 v1?, u32 transition, u32 n, n * (u32 type, u64 id), context.
//
//go:wasmexport raft_propose_conf_change
func raftProposeConfChange(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 {
		r := reader{in[:size]}
		v1, tr := r.u32(), pb.ConfChangeTransition(r.u32())
		cs := make([]*pb.ConfChangeSingle, r.u32())
		for i := range cs {
			cs[i] = &pb.ConfChangeSingle{Type: pb.ConfChangeType(r.u32()).Enum(), NodeId: new(r.u64())}
		}
		if v1 != 0 && len(cs) == 1 {
			return result(n.rn.ProposeConfChange(&pb.ConfChange{Type: cs[0].Type, NodeId: cs[0].NodeId, Context: r.blob()}))
		}
		return result(n.rn.ProposeConfChange(&pb.ConfChangeV2{Transition: tr.Enum(), Changes: cs, Context: r.blob()}))
	})
}

func parseConfChange(typ uint32, data []byte) (pb.ConfChangeI, error) {
	if pb.EntryType(typ) == pb.EntryConfChange {
		cc := new(pb.ConfChange)
		return cc, proto.Unmarshal(data, cc)
	}
	cc := new(pb.ConfChangeV2)
	return cc, proto.Unmarshal(data, cc)
}

// raft_apply_conf_change: entry type and data as committed; answers the ConfState.
//
//go:wasmexport raft_apply_conf_change
func raftApplyConfChange(h int32, typ uint32, size uint32) int32 {
	return call(h, func(n *node) int32 {
		cc, err := parseConfChange(typ, in[:size])
		if err != nil {
			return result(err)
		}
		out = confState(out[:0], n.rn.ApplyConfChange(cc))
		return publish()
	})
}

//go:wasmexport raft_campaign
func raftCampaign(h int32) int32 {
	return call(h, func(n *node) int32 { return result(n.rn.Campaign()) })
}

//go:wasmexport raft_forget_leader
func raftForgetLeader(h int32) int32 {
	return call(h, func(n *node) int32 { return result(n.rn.ForgetLeader()) })
}

//go:wasmexport raft_transfer_leader
func raftTransferLeader(h int32, to float64) int32 {
	return call(h, func(n *node) int32 { n.rn.TransferLeader(uint64(to)); return 0 })
}

//go:wasmexport raft_report_unreachable
func raftReportUnreachable(h int32, id float64) int32 {
	return call(h, func(n *node) int32 { n.rn.ReportUnreachable(uint64(id)); return 0 })
}

//go:wasmexport raft_report_snapshot
func raftReportSnapshot(h int32, id float64, failed uint32) int32 {
	return call(h, func(n *node) int32 { n.rn.ReportSnapshot(uint64(id), raft.SnapshotStatus(failed+1)); return 0 })
}

//go:wasmexport raft_read_index
func raftReadIndex(h int32, size uint32) int32 {
	return call(h, func(n *node) int32 { n.rn.ReadIndex(append([]byte(nil), in[:size]...)); return 0 })
}

//go:wasmexport raft_has_ready
func raftHasReady(h int32) int32 { return call(h, ready01) }

// raft_ready accepts a Ready and writes it out; 0: there is nothing to do. Layout: u32 flags (1 soft, 2 hard,
// 4 snapshot, 8 must sync, 16 append pending, 32 apply pending), then the parts that the flags name, entries, messages,
// committed entries, read states.
//
//go:wasmexport raft_ready
func raftReady(h int32) int32 {
	return call(h, func(n *node) int32 {
		if n.open {
			return fail(codeError, "ready() before advance()")
		}
		if !n.rn.HasReady() {
			return 0
		}
		rd := n.rn.Ready()
		if !n.async {
			n.rd, n.open = rd, true
		}
		b := u32(out[:0], 0)
		f := uint32(0)
		if rd.SoftState != nil {
			f |= 1
			b = u32(u64(b, rd.SoftState.Lead), uint32(rd.SoftState.RaftState))
		}
		if !raft.IsEmptyHardState(rd.HardState) {
			f |= 2
			b = u64(u64(u64(b, rd.HardState.GetTerm()), rd.HardState.GetVote()), rd.HardState.GetCommit())
		}
		if !raft.IsEmptySnap(rd.Snapshot) {
			f |= 4
			b = snapshot(b, rd.Snapshot)
		}
		if rd.MustSync {
			f |= 8
		}
		b = ents(b, rd.Entries)
		at, cnt := len(b), uint32(0)
		b = u32(b, 0)
		for _, m := range rd.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				n.appQ = append(n.appQ, m)
				f |= 16
			case raft.LocalApplyThread:
				n.applyQ = append(n.applyQ, m)
				f |= 32
			default:
				b = message(b, m)
				cnt++
			}
		}
		copy(b[at:], u32(nil, cnt))
		b = ents(b, rd.CommittedEntries)
		b = u32(b, uint32(len(rd.ReadStates)))
		for _, s := range rd.ReadStates {
			b = blob(u64(b, s.Index), s.RequestCtx)
		}
		b[0] = byte(f)
		out = b
		return publish()
	})
}

func (n *node) mirror(hs *pb.HardState, s *pb.Snapshot, es []*pb.Entry) error {
	if !raft.IsEmptySnap(s) {
		if err := n.ms.ApplySnapshot(s); err != nil {
			return err
		}
	}
	if !raft.IsEmptyHardState(hs) {
		n.ms.SetHardState(hs)
	}
	return n.ms.Append(es)
}

// raft_advance (sync mode): the host has persisted and applied the last Ready.
//
//go:wasmexport raft_advance
func raftAdvance(h int32) int32 {
	return call(h, func(n *node) int32 {
		if !n.open {
			return fail(codeError, "advance() without ready()")
		}
		rd := n.rd
		n.rd, n.open = raft.Ready{}, false
		if err := n.mirror(rd.HardState, rd.Snapshot, rd.Entries); err != nil {
			return result(err)
		}
		n.rn.Advance(rd)
		return ready01(n)
	})
}

// raft_stored (async mode): the oldest pending append (what: 0) or apply (1) is done. Answers the messages that may be
// sent now.
//
//go:wasmexport raft_stored
func raftStored(h int32, what uint32) int32 {
	return call(h, func(n *node) int32 {
		q := &n.appQ
		if what == 1 {
			q = &n.applyQ
		}
		if len(*q) == 0 {
			return fail(codeError, "nothing pending")
		}
		m := (*q)[0]
		*q = (*q)[1:]
		if what == 0 {
			hs := &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
			if err := n.mirror(hs, m.Snapshot, m.Entries); err != nil {
				return result(err)
			}
		}
		b, cnt := u32(out[:0], 0), uint32(0)
		for _, r := range m.Responses {
			if r.GetTo() == n.id {
				_ = n.rn.Step(r)
			} else {
				b = message(b, r)
				cnt++
			}
		}
		copy(b, u32(nil, cnt))
		out = b
		return publish()
	})
}

// raft_create_snapshot: u32 hasConf, [ConfState], data; answers the snapshot.
//
//go:wasmexport raft_create_snapshot
func raftCreateSnapshot(h int32, index float64, size uint32) int32 {
	return call(h, func(n *node) int32 {
		r := reader{in[:size]}
		var cs *pb.ConfState
		if r.u32() != 0 {
			cs = r.confState()
		}
		s, err := n.ms.CreateSnapshot(uint64(index), cs, r.blob())
		if err != nil {
			return result(err)
		}
		out = snapshot(out[:0], s)
		return publish()
	})
}

// raft_compact drops entries up to index. Past the snapshot it refuses: raft would panic later ("need non-empty
// snapshot") when a follower lags behind.
//
//go:wasmexport raft_compact
func raftCompact(h int32, index float64) int32 {
	return call(h, func(n *node) int32 {
		if s, _ := n.ms.Snapshot(); uint64(index) > s.GetMetadata().GetIndex() {
			return fail(codeError, "compact: index is past the snapshot")
		}
		return result(n.ms.Compact(uint64(index)))
	})
}

// raft_status: u64 id, term, vote, commit, lead, applied, transferee, first index, last index; u32 state; u32 n, n times
// u64 id, match, next, pending snapshot; u32 state; u32 flags (1 learner, 2 recently active, 4 paused).
//
//go:wasmexport raft_status
func raftStatus(h int32) int32 {
	return call(h, func(n *node) int32 {
		s := n.rn.BasicStatus()
		fi, _ := n.ms.FirstIndex()
		la, _ := n.ms.LastIndex()
		b := out[:0]
		for _, v := range []uint64{s.ID, s.GetTerm(), s.GetVote(), s.GetCommit(), s.Lead, s.Applied, s.LeadTransferee, fi, la} {
			b = u64(b, v)
		}
		b = u32(b, uint32(s.RaftState))
		at, cnt := len(b), uint32(0)
		b = u32(b, 0)
		if s.RaftState == raft.StateLeader {
			n.rn.WithProgress(func(id uint64, t raft.ProgressType, p tracker.Progress) {
				b = u64(u64(u64(u64(b, id), p.Match), p.Next), p.PendingSnapshot)
				f := uint32(t)
				if p.RecentActive {
					f |= 2
				}
				if p.MsgAppFlowPaused {
					f |= 4
				}
				b = u32(u32(b, uint32(p.State)), f)
				cnt++
			})
		}
		copy(b[at:], u32(nil, cnt))
		out = b
		return publish()
	})
}

// raft_crash is for tests: 0 panics where call catches it, 1 on another goroutine, 2 takes all memory, 3 recurses
// without end, 4 waits for ever.
//
//go:wasmexport raft_crash
func raftCrash(h int32, kind uint32) int32 {
	return call(h, func(n *node) int32 {
		switch kind {
		case 0:
			panic("deliberate panic")
		case 1:
			done := make(chan int)
			go func() { panic("deliberate panic on another goroutine") }()
			<-done
		case 2:
			var keep [][]byte
			for {
				keep = append(keep, make([]byte, 64<<20))
				keep[len(keep)-1][0] = 1
			}
		case 3:
			return int32(recurse(1))
		case 4:
			<-make(chan int)
		}
		return 0
	})
}

//go:noinline
func recurse(n int) int {
	if n == math.MaxInt {
		return n
	}
	return recurse(n+1) + 1
}

func init() {
	rand.Reader = hostRand{}
	// MemoryStorage logs through the package's logger, not the configuration's.
	raft.SetLogger(logger{new(node)})
}

func main() {}
