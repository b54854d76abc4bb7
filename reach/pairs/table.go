package pairs

import (
	"cmp"
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Table answers for all pairs of one family.
type Table struct {
	Universe *Universe
	// Vertices are sorted; a class refers to them by index.
	Vertices []Vertex
	Classes  []Class

	net    *ir.Network
	family packet.Family
	order  order
	groups map[*ir.SecurityGroup]int32
	masks  *maskTable
	sets   *interner

	// lo says what surely passes, hi what may. They are one where nothing that
	// this package compiles is unknown.
	lo, hi *bound

	aclOf    map[*ir.Subnet]int32
	cells    []cell // runs of classes of one subnet that routes do not tell apart
	cellOf   []int32
	routes   *router
	before   []uint32      // by vertex: how many classes begin before it
	ofVertex []int32       // by vertex: its class
	any      [2][][]uint64 // by group: services of all rules that name addresses
	self     [][]int32     // by class: those whose pair with it is one interface with itself

	// What changed rules need; see Rechecker.
	rules    [2][]ruleParts
	services map[service]int32 // their masks
	runs     map[run]struct{}  // of all CIDRs
	cuts     []key             // see vertices
	carriers [][]int32         // by group: the classes that may carry it
	wild     bool              // some interface may carry any group
}

// Class is vertices that no formula tells apart: of one subnet, with the same
// groups and flags, and in the same CIDRs. A flow between two interfaces is that
// between their classes, inside one class too.
type Class struct {
	Vertices []int32
	// Interfaces is how many different interfaces the vertices are of.
	Interfaces int
	// One is the interface of a class that has just one.
	One *ir.Interface
}

// bound is what one side of all unknowns makes of groups and ACLs.
type bound struct {
	hi      bool
	sets    [][]int32 // sets of groups
	setOf   []int32   // by class: its set, or one of the two below
	service []int32   // by class: what listens there, in the table of masks
	dir     [2]side   // of ingress and egress
	members [][]int32 // by group: the classes that carry it; of groups that rules refer to
	member  [][]int32 // by class: the groups of which it is one
	acl     [][2]steps
}

// Of setOf.
const (
	noGroups   = -1 // nothing passes
	unfiltered = -2 // everything does
)

// side is the rules of all groups in one direction.
type side struct {
	rules     []steps // by group, of rules that name addresses
	refs      [][]ref // by group: what it gives to members of which groups
	referrers [][]ref // by group: which groups give what to its members
	any       bool    // there are references
}

type ref struct{ group, mask int32 }

const (
	ingress = 0
	egress  = 1
)

func direction(out bool) int {
	if out {
		return egress
	}
	return ingress
}

// parallel calls do for 0..n-1 on all cores; every worker has a number.
func parallel(ctx context.Context, n int, do func(worker, k int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for k := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(0, k); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			for {
				k := int(next.Add(1)) - 1
				if k >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := do(w, k); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// options are for tests and measurements.
type options struct {
	noClasses    bool
	alternatives int // in place of maxAlternatives
}

// newTable compiles one family. It is nil when no interface has an address of
// it.
func newTable(ctx context.Context, n *ir.Network, f packet.Family, o options) (*Table, error) {
	t := &Table{net: n, family: f, groups: map[*ir.SecurityGroup]int32{}}
	t.Vertices, t.cuts = vertices(n, f, cmp.Or(o.alternatives, maxAlternatives))
	if len(t.Vertices) == 0 {
		return nil, nil
	}
	t.order = sortVertices(f, t.Vertices)
	c := &compiler{t: t, o: o}
	c.collectGroups()
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	c.universe()
	t.lo = &bound{}
	t.hi = t.lo
	if !c.exact() {
		t.hi = &bound{hi: true}
	}
	c.carried()
	c.classes()
	for _, b := range c.bounds() {
		if err := c.compile(ctx, b); err != nil {
			return nil, err
		}
	}
	c.cells()
	t.findSelves()
	t.routes = newRouter(t)
	return t, nil
}

// Exact reports whether nothing that groups, ACLs and interfaces say is
// unknown. Answers can still differ between must and may where routes are.
func (t *Table) Exact() bool { return t.lo == t.hi }
