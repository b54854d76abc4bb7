package pairs

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
)

// ruleParts is what the rules of one group and direction give to which
// vertices, before services have become sets of atoms.
type ruleParts struct {
	parts []part // their masks number services of the reader
	refs  []reference
	any   []int32 // services of all rules that name addresses, without repetitions
	open  bool    // some of it is possible only
}

// reference is a rule whose peer is a group.
type reference struct {
	group *ir.SecurityGroup
	mask  int32
	hi    bool
}

// reader turns rules and entries into parts. It remembers the services and runs
// that it met; one goroutine uses it.
type reader struct {
	o        *order
	services map[service]int32
	named    []service
	runs     map[run]struct{}
	lists    map[listKey][]run
	last     service // the service before: rules come in blocks
	lastID   int32
}

type listKey struct {
	list *ir.PrefixList
	hi   bool
}

func newReader(o *order) *reader {
	return &reader{
		o: o, services: map[service]int32{everyService: 0}, named: []service{everyService},
		runs: map[run]struct{}{}, lists: map[listKey][]run{}, last: everyService,
	}
}

func (r *reader) service(s service) int32 {
	if s == r.last {
		return r.lastID
	}
	id, ok := r.services[s]
	if !ok {
		id = int32(len(r.named))
		r.services[s] = id
		r.named = append(r.named, s)
	}
	r.last, r.lastID = s, id
	return id
}

// rules reads one direction of a group.
func (r *reader) rules(rules []ir.Rule) ruleParts {
	out := ruleParts{parts: make([]part, 0, len(rules)*len(r.o.layers))}
	for k := range rules {
		rule := &rules[k]
		m := &rule.Match
		s, ok := serviceOf(r.o.family, m)
		if !ok {
			continue
		}
		// A rule of which something is unknown gives nothing for sure.
		hi := rule.Maybe != nil || !m.Protocol.Known() || !m.Ports.Known()
		switch p := &m.Peer; {
		case p.CIDR.IsValid():
			if packet.FamilyOfPrefix(p.CIDR) != r.o.family {
				continue
			}
			id := r.service(s)
			r.o.runs(p.CIDR, func(at run) { out.add(r, at, id, hi) })
			out.note(id)
		case p.Group != nil:
			out.refs = append(out.refs, reference{p.Group, r.service(s), hi})
		case p.PrefixList != nil:
			r.list(&out, p, r.service(s), hi)
		case p.Unknown != nil:
			if p.Family != packet.FamilyInvalid && p.Family != r.o.family {
				continue
			}
			id := r.service(s)
			for _, l := range r.o.layers {
				out.add(r, l, id, true)
			}
			out.note(id)
			hi = true
		default:
			continue
		}
		out.open = out.open || hi
	}
	sortParts(out.parts)
	return out
}

func (p *ruleParts) add(r *reader, at run, id int32, hi bool) {
	r.runs[at] = struct{}{}
	p.parts = append(p.parts, partOf(at, id, hi))
}

func (p *ruleParts) note(id int32) {
	if k := len(p.any); k > 0 && p.any[k-1] == id || slices.Contains(p.any, id) {
		return
	}
	p.any = append(p.any, id)
}

// list adds what a rule gives to the addresses of a prefix list.
func (r *reader) list(out *ruleParts, p *ir.Peer, id int32, hi bool) {
	l := p.PrefixList
	if l.Open != nil {
		for _, at := range r.listRuns(p, true) {
			out.add(r, at, id, true)
		}
		out.open = true
	}
	for _, at := range r.listRuns(p, false) {
		out.add(r, at, id, hi)
	}
	out.note(id)
}

// listRuns are the runs of what a prefix list surely, or possibly, holds; what
// that is package reach says.
func (r *reader) listRuns(p *ir.Peer, hi bool) []run {
	key := listKey{p.PrefixList, hi}
	runs, ok := r.lists[key]
	if ok {
		return runs
	}
	b := reach.Lo
	if hi {
		b = reach.Hi
	}
	runs = []run{}
	for _, addresses := range reach.Peers(r.o.family, *p, b, nil) {
		for _, c := range addresses.Prefixes() {
			r.o.runs(c, func(at run) { runs = append(runs, at) })
		}
	}
	r.lists[key] = runs
	return runs
}

// cidr is the runs of one CIDR, remembered as something that tells vertices
// apart.
func (r *reader) cidr(p netip.Prefix) []run {
	var runs []run
	if packet.FamilyOfPrefix(p) == r.o.family {
		r.o.runs(p.Masked(), func(at run) {
			r.runs[at] = struct{}{}
			runs = append(runs, at)
		})
	}
	return runs
}
