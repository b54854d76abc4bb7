package reach

import (
	"fmt"
	"slices"
	"strings"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// carry is what an interface's groups amount to: interfaces with the same
// groups share one, and what was compiled of it.
type carry struct {
	id int
	// refs are the groups that its rules refer to, inbound and outbound.
	refs [2][]*ir.SecurityGroup
}

type groupKey struct {
	id     int
	egress bool
	view   View
	// members says how far the other end is in each of the groups referred to.
	members string
}

// carried finds what an interface carries.
func (e *engine) carried(i *ir.Interface) *carry {
	if c := e.carries[i]; c != nil {
		return c
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%t %t", i.Groups.Open != nil, mayLackGroups(i.Kind))
	for _, g := range i.Groups.Sure {
		fmt.Fprintf(&b, " %p", g)
	}
	for _, g := range i.Groups.Maybe {
		fmt.Fprintf(&b, " ?%p", g.V)
	}
	c := e.sets[b.String()]
	if c == nil {
		c = &carry{id: len(e.sets), refs: [2][]*ir.SecurityGroup{references(i, false), references(i, true)}}
		e.sets[b.String()] = c
	}
	e.carries[i] = c
	return c
}

// refersTo reports whether an inbound rule of an interface names a group that
// another one carries.
func refersTo(i, other *ir.Interface) bool {
	return other != nil && slices.ContainsFunc(references(i, false), func(g *ir.SecurityGroup) bool {
		t, _ := member(other, g)
		return t != no
	})
}

// references lists the groups that an interface's rules of one direction name.
func references(i *ir.Interface, egress bool) []*ir.SecurityGroup {
	var refs []*ir.SecurityGroup
	seen := map[*ir.SecurityGroup]bool{}
	add := func(g *ir.SecurityGroup) {
		rules := g.Rules(egress)
		for k := range rules {
			if r := rules[k].Peer.Group; r != nil && !seen[r] {
				seen[r], refs = true, append(refs, r)
			}
		}
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	for _, g := range i.Groups.Maybe {
		add(g.V)
	}
	return refs
}

// groups is GroupsBand on a way whose other end is known, so that a reference
// that identifies it covers every address: those of the end are asked for apart.
func (e *engine) groups(i *ir.Interface, egress bool, v View, other *ir.Interface, ok truth) Band {
	if Unfiltered(i) {
		return exactly(e.All())
	}
	c := e.carried(i)
	key := groupKey{id: c.id, egress: egress, view: v}
	index := 0
	if egress {
		index = 1
	}
	if other == nil {
		ok = no
	}
	is := map[*ir.SecurityGroup]byte(nil)
	if refs := c.refs[index]; len(refs) > 0 && ok != no {
		is = make(map[*ir.SecurityGroup]byte, len(refs))
		sig := make([]byte, len(refs))
		for k, g := range refs {
			t, evidence := member(other, g)
			sig[k] = byte(and(t, ok)) << 1
			if evidence {
				sig[k] |= 1
			}
			is[g] = sig[k]
		}
		key.members = string(sig)
	}
	if b, found := e.filters[key]; found {
		return b
	}
	everyone := everyone(e.Family())
	b := groupsBand(e.Space, i, egress, v, func(g *ir.SecurityGroup, b Bound) []netipx.IPRange {
		t, evidence := truth(is[g]>>1), is[g]&1 != 0
		if t == no || b == Lo && t != yes || b == Ground && !evidence {
			return nil
		}
		return everyone
	})
	e.filters[key] = b
	return b
}

// standing is where the addresses of an interface at a place are, and the sets
// that they make.
type standing struct {
	holding
	public      *netipx.IPSet
	hasPublic   truth
	publicFixed bool
	src, dst    Band // the headers from and to its private addresses
	dstPublic   solver.Set
}

type standingKey struct {
	i  *ir.Interface
	at place
}

// stands finds the addresses of an interface at a place; see addresses, publics.
func (e *engine) stands(i *ir.Interface, p place) *standing {
	key := standingKey{i, p}
	s := e.standings[key]
	if s != nil {
		return s
	}
	s = &standing{holding: e.addresses(i, p)}
	s.public, s.hasPublic, s.publicFixed = e.publics(i, p)
	of := func(f packet.Field) Band {
		may := e.from(f, s.may)
		return Band{Must: e.from(f, s.sure), Ground: may, May: may}
	}
	s.src, s.dst = of(packet.FieldSrc), of(packet.FieldDst)
	s.dstPublic = e.from(packet.FieldDst, s.public)
	e.standings[key] = s
	return s
}
