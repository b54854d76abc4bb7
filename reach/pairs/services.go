package pairs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Services is a set of services of one family: protocols and destination
// ports. Two that come from one Index are equal iff they are the same value. The
// zero Services is empty and of no family.
type Services struct{ set *serviceSet }

type serviceSet struct {
	universe *Universe
	mask     []uint64
}

// Of returns the services whose atoms are set in a mask of the universe. Two
// that are made so are different values even when they are equal.
func (u *Universe) Of(mask []uint64) Services { return Services{&serviceSet{u, slices.Clone(mask)}} }

// Empty reports whether there are none.
func (s Services) Empty() bool {
	return s.set == nil || !slices.ContainsFunc(s.set.mask, func(w uint64) bool { return w != 0 })
}

// Has reports whether a service is in the set; port is type*256+code of ICMP,
// and ignored for protocols that have neither.
func (s Services) Has(protocol uint8, port uint16) bool {
	return s.set != nil && has(s.set.mask, s.set.universe.atomOf(protocol, port))
}

// All reports whether every service is in the set.
func (s Services) All() bool { return s.set != nil && slices.Equal(s.set.mask, s.set.universe.all) }

// Mask is the set as bits of its universe's atoms. It must not be changed.
func (s Services) Mask() []uint64 {
	if s.set == nil {
		return nil
	}
	return s.set.mask
}

// Ranges lists the services, in order of protocol and port. Protocols that no
// rule names come last, as protocol -1; a protocol without ports, or all of it,
// has AllPorts.
func (s Services) Ranges() []Atom {
	if s.set == nil {
		return nil
	}
	var as []Atom
	for a := range s.set.universe.Atoms {
		if !has(s.set.mask, a) {
			continue
		}
		atom := s.set.universe.Atoms[a]
		k := slices.IndexFunc(as, func(o Atom) bool { return o.Protocol == atom.Protocol })
		if k < 0 {
			k = len(as)
			as = append(as, Atom{Protocol: atom.Protocol})
		}
		as[k].Ports = append(as[k].Ports, atom.Ports...)
	}
	for k := range as {
		ports := as[k].Ports
		slices.SortFunc(ports, comparePorts)
		as[k].Ports = nil
		for _, p := range ports {
			as[k].Ports = appendPorts(as[k].Ports, p)
		}
		if as[k].Ports == nil {
			as[k].Ports = []ir.Ports{ir.AllPorts}
		}
	}
	slices.SortFunc(as, func(a, b Atom) int { return cmp.Compare(uint16(a.Protocol), uint16(b.Protocol)) })
	return as
}

// String prints the services as answers show them: "tcp/443, udp/53", "all",
// "none".
func (s Services) String() string {
	switch {
	case s.Empty():
		return "none"
	case s.All():
		return "all"
	}
	var words []string
	for _, a := range s.Ranges() {
		if a.Protocol == -1 {
			words = append(words, "other protocols")
			continue
		}
		name := packet.ProtocolName(a.Protocol)
		typed := packet.KindOf(s.set.universe.Family, uint8(a.Protocol)) == packet.Typed
		for _, p := range a.Ports {
			words = append(words, name+portsText(p, typed))
		}
	}
	return strings.Join(words, ", ")
}

// portsText is the part of a service after its protocol.
func portsText(p ir.Ports, typed bool) string {
	switch {
	case p == ir.AllPorts:
		return ""
	case !typed && p.Lo == p.Hi:
		return fmt.Sprintf("/%d", p.Lo)
	case !typed:
		return fmt.Sprintf("/%d-%d", p.Lo, p.Hi)
	case p.Lo == p.Hi:
		return fmt.Sprintf("/%d/%d", p.Lo>>8, p.Lo&255)
	case p.Lo&255 == 0 && p.Hi&255 == 255 && p.Lo>>8 == p.Hi>>8:
		return fmt.Sprintf("/%d", p.Lo>>8)
	case p.Lo&255 == 0 && p.Hi&255 == 255:
		return fmt.Sprintf("/%d-%d", p.Lo>>8, p.Hi>>8)
	}
	return fmt.Sprintf("/%d/%d-%d/%d", p.Lo>>8, p.Lo&255, p.Hi>>8, p.Hi&255)
}

// interner makes equal sets one.
type interner struct {
	universe *Universe
	mu       sync.Mutex
	one      map[uint64]*serviceSet // of universes of one word
	many     map[string]*serviceSet
}

func newInterner(u *Universe) *interner {
	return &interner{universe: u, one: map[uint64]*serviceSet{}, many: map[string]*serviceSet{}}
}

// of returns the set of a mask, which it copies.
func (n *interner) of(mask []uint64) Services {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(mask) == 1 {
		s, ok := n.one[mask[0]]
		if !ok {
			s = &serviceSet{n.universe, slices.Clone(mask)}
			n.one[mask[0]] = s
		}
		return Services{s}
	}
	key := make([]byte, 0, 8*len(mask))
	for _, w := range mask {
		key = binary.LittleEndian.AppendUint64(key, w)
	}
	s, ok := n.many[string(key)]
	if !ok {
		s = &serviceSet{n.universe, slices.Clone(mask)}
		n.many[string(key)] = s
	}
	return Services{s}
}
