package trace

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// branches are alternatives of which the input does not tell the right one: the
// pessimist passes when all pass, the optimist when one does. The hops that
// remain are those of the first alternative that shows the outcome; of several
// that end, the one that gets farthest.
type branches struct {
	w      *walk
	start  int
	best   []Hop
	count  int
	pass   bool
	record bool
}

func (w *walk) branches() branches {
	return branches{w: w, start: len(w.hops), pass: w.m == pessimist, record: w.record}
}

// try takes the outcome of the next alternative and reports whether it settles
// the matter.
func (b *branches) try(ok bool) (settled bool) {
	b.count++
	w := b.w
	if w.m == pessimist {
		b.pass = ok
		w.record = false // the first alternative is the one to show
		return !ok
	}
	if ok {
		b.pass = true
		return true
	}
	if w.record {
		if tail := w.hops[b.start:]; len(tail) > len(b.best) {
			b.best = slices.Clone(tail)
		}
		w.hops = w.hops[:b.start]
	}
	return false
}

// end returns the outcome over all alternatives; without any, nothing passes.
func (b *branches) end() bool {
	w := b.w
	w.record = b.record
	if w.record && w.m == optimist && !b.pass {
		w.hops = append(w.hops[:b.start], b.best...)
	}
	return b.pass && b.count > 0
}

// options are alternatives of which one is enough, whoever walks: the world
// picks, and the question is whether something passes. The hops that remain are
// those of the first that passes; of several that end, the one that gets
// farthest.
type options struct {
	w     *walk
	start int
	depth int // of options in options
	best  []Hop
	count int
	next  int
	pass  bool
}

func (w *walk) options() options { return options{w: w, start: len(w.hops), depth: len(w.picks)} }

// open reports whether the next alternative is to be tried, and remembers it for
// as long as it may be the one.
func (o *options) open() bool {
	w, k := o.w, o.next
	o.next++
	if o.depth < len(w.only) && w.only[o.depth] != k {
		return false
	}
	w.picks = append(w.picks[:o.depth], k)
	return true
}

// try takes the outcome of an alternative that was open and reports whether it
// settles the matter.
func (o *options) try(ok bool) (settled bool) {
	o.count++
	w := o.w
	o.pass = o.pass || ok
	if !ok && w.record {
		if tail := w.hops[o.start:]; len(tail) > len(o.best) {
			o.best = slices.Clone(tail)
		}
		w.hops = w.hops[:o.start]
	}
	return ok
}

func (o *options) end() bool {
	if !o.pass {
		o.w.picks = o.w.picks[:min(o.depth, len(o.w.picks))]
	}
	if o.w.record && !o.pass {
		o.w.hops = append(o.w.hops[:o.start], o.best...)
	}
	return o.pass
}

// choose tries the candidates of a choice, and other when there may be one that
// the input does not show.
func choose[T any](w *walk, c *ir.Choice[T], f func(T) bool, other func(*ir.Unknown) bool) bool {
	b := w.branches()
	w.divided(c.Why, c.Open)
	for k := range c.Of {
		if b.try(f(c.Of[k])) {
			return b.end()
		}
	}
	if c.Open != nil {
		b.try(other(c.Open))
	}
	return b.end()
}

// divided notes what decides between alternatives, for the optimist's account.
func (w *walk) divided(why ...*ir.Unknown) {
	if !w.record || w.m == pessimist {
		return
	}
	for _, u := range why {
		if u != nil {
			w.why = append(w.why, u)
		}
	}
}

// places tries the places that an interface may be in. Those whose CIDR cannot
// hold the header's address are not among them.
// The zero address is one that is not known.
func (w *walk) places(i *ir.Interface, s slot, a netip.Addr, f func(place) bool) bool {
	if i == nil {
		return f(place{})
	}
	if subnet, ok := i.Subnet.Known(); ok {
		return w.placesIn(subnet, f)
	}
	b := w.branches()
	w.divided(i.Subnet.Why, i.Subnet.Open)
	for _, subnet := range i.Subnet.Of {
		if s.public || !a.IsValid() || assignable(subnet, a) {
			if b.try(w.placesIn(subnet, f)) {
				return b.end()
			}
		}
	}
	if i.Subnet.Open != nil {
		b.try(f(place{why: i.Subnet.Open}))
	}
	if b.count == 0 {
		return w.refuseEnds(addressText(a)+" is in no subnet of "+interfaceName(i), "NO_POSSIBLE_DESTINATION")
	}
	return b.end()
}

// placesIn tries the VPCs that a subnet may be in.
func (w *walk) placesIn(s *ir.Subnet, f func(place) bool) bool {
	if v, ok := s.VPC.Known(); ok {
		return f(place{subnet: s, vpc: v})
	}
	if len(s.VPC.Of) == 0 && s.VPC.Open == nil {
		return f(place{subnet: s})
	}
	return choose(w, &s.VPC, func(v *ir.VPC) bool {
		return f(place{subnet: s, vpc: v})
	}, func(why *ir.Unknown) bool {
		return f(place{subnet: s, why: why})
	})
}
