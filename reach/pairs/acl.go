package pairs

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
)

// entryParts is an ACL's entry: which vertices it takes, and which services.
type entryParts struct {
	runs    []run
	service int32
	sure    bool // what it may take it surely takes
	allow   ir.Value[bool]
	number  bool // it has a known place
}

// entries reads one direction of an ACL, in the order of the entries' numbers.
func (r *reader) entries(acl *ir.NetworkACL, egress bool) []entryParts {
	var es []entryParts
	for _, e := range reach.Entries(acl, egress) {
		s, ok := serviceOf(r.o.family, &e.Match)
		if !ok {
			continue
		}
		p := entryParts{
			service: r.service(s), allow: e.Allow, number: e.Number.Known(),
			sure: e.Maybe == nil && e.Protocol.Known() && e.Ports.Known() && e.Peer.Unknown == nil,
		}
		switch {
		case e.Peer.CIDR.IsValid():
			p.runs = r.cidr(e.Peer.CIDR)
		case e.Peer.Unknown != nil && (e.Peer.Family == packet.FamilyInvalid || e.Peer.Family == r.o.family):
			p.runs = r.o.layers
		}
		if len(p.runs) > 0 {
			es = append(es, p)
		}
	}
	return es
}

// entry is a line of a list of which everything is known.
type entry struct {
	runs  []run
	mask  []uint64
	allow bool
}

// known turns a list into one of which everything is known: the pessimist's,
// whose answer is what surely passes, or the optimist's. Each takes an entry
// that does not suit him as widely, and one that does as narrowly, as it may be,
// and puts one without a number where it suits him least.
func known(es []entryParts, optimist bool, mask func(int32) []uint64) []entry {
	var first, middle, last []entry
	for _, e := range es {
		allow := e.allow.V
		if !e.allow.Known() {
			allow = optimist
		}
		wide := allow == optimist
		if !wide && !e.sure {
			continue
		}
		l := entry{e.runs, mask(e.service), allow}
		switch {
		case e.number:
			middle = append(middle, l)
		case wide:
			first = append(first, l)
		default:
			last = append(last, l)
		}
	}
	return slices.Concat(first, middle, last)
}

// firstMatch is what a list lets pass to or from each vertex.
func firstMatch(u *Universe, es []entry) steps {
	cuts := []uint32{0}
	for _, e := range es {
		for _, r := range e.runs {
			cuts = append(cuts, r.lo, r.hi)
		}
	}
	slices.Sort(cuts)
	var s steps
	passes, undecided := u.empty(), u.empty()
	for _, c := range slices.Compact(cuts) {
		clear(passes)
		copy(undecided, u.all)
		for _, e := range es {
			if !slices.ContainsFunc(e.runs, func(r run) bool { return r.lo <= c && c < r.hi }) {
				continue
			}
			for k, m := range e.mask {
				if e.allow {
					passes[k] |= m & undecided[k]
				}
				undecided[k] &^= m
			}
		}
		s.append(c, passes)
	}
	return s
}

// combine is the function whose value is the union, or the intersection, of
// the values of two.
func combine(a, b *steps, words int, intersect bool) steps {
	cuts := slices.Concat(a.cut, b.cut)
	slices.Sort(cuts)
	var s steps
	mask := make([]uint64, words)
	for _, c := range slices.Compact(cuts) {
		for k := range mask {
			x, y := a.word(c, words, k), b.word(c, words, k)
			if intersect {
				mask[k] = x & y
			} else {
				mask[k] = x | y
			}
		}
		s.append(c, mask)
	}
	return s
}
