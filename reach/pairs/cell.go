package pairs

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
)

// cell is a run of classes of one subnet that no route tells apart, so that
// what routes do is one answer for all of it.
type cell struct {
	lo, hi int32
	end    end
	acl    int32
	site   int32 // equal for cells to which routes do the same
	odd    bool
}

// site is what routes depend on beside the subnet's ACL.
type site struct {
	vpc   *ir.VPC
	table *ir.RouteTable // nil when there is a choice
	zone  string
	own   *ir.Subnet // of a subnet that gateways stand in
	depth int32
}

// cells cuts the classes where the subnet changes, and at the ends of the
// destinations of routes.
func (c *compiler) cells() {
	t := c.t
	routes := newReader(&t.order)
	routeCIDRs(t.net, t.family, func(p netip.Prefix) { routes.cidr(p) })
	depth := deepest(len(t.Vertices), routes.runs)
	stand := gatewaySubnets(t.net)
	sites := map[site]int32{}
	t.cellOf = make([]int32, len(t.Classes))
	var last site
	for k := range t.Classes {
		v := &t.Vertices[t.Classes[k].Vertices[0]]
		s := site{vpc: v.vpc, depth: depth[t.Classes[k].Vertices[0]]}
		if v.subnet != nil {
			s.table, _ = v.subnet.RouteTable.Known()
			s.zone = v.subnet.Zone
			if stand[v.subnet] || s.table == nil {
				s.own = v.subnet
			}
		}
		odd := v.odd || v.subnet == nil
		n := len(t.cells)
		if n > 0 && last == s && t.cells[n-1].end.subnet == v.subnet && t.cells[n-1].odd == odd {
			t.cells[n-1].hi = int32(k) + 1
			t.cellOf[k] = int32(n - 1)
			continue
		}
		last = s
		id, ok := sites[s]
		if !ok {
			id = int32(len(sites))
			sites[s] = id
		}
		acl := int32(-1)
		if v.subnet != nil {
			acl = t.aclOf[v.subnet]
		}
		t.cells = append(t.cells, cell{
			lo: int32(k), hi: int32(k) + 1, end: end{v.subnet, v.vpc, v.Addr}, acl: acl, site: id, odd: odd,
		})
		t.cellOf[k] = int32(n)
	}
}

// gatewaySubnets are the subnets that transit and NAT gateways stand in: a
// packet that comes from there to its goal in the same subnet meets nothing.
func gatewaySubnets(n *ir.Network) map[*ir.Subnet]bool {
	is := map[*ir.Subnet]bool{}
	for _, g := range n.TransitGateways {
		for _, a := range g.Attachments {
			for _, s := range a.Subnets.Sure {
				is[s] = true
			}
		}
	}
	for _, g := range n.Gateways {
		for _, s := range g.Subnet.Of {
			is[s] = true
		}
	}
	return is
}

// plan is how a packet gets from one cell to another, and the reply back.
type plan struct {
	same       bool // inside one subnet: groups alone decide
	there      leg
	back       leg
	asked      bool // by Flow
	translated bool // where Flow is asked: the receiver may see another source
}

// drops reports whether nothing flows.
func (p *plan) drops() bool { return !p.same && !p.asked && p.there.fate != passes }

// planOf finds the plan of two cells.
func (r *router) planOf(a, b *cell) plan {
	if a.odd || b.odd {
		return plan{asked: true, translated: true}
	}
	if a.end.subnet == b.end.subnet {
		return plan{same: true}
	}
	p := plan{there: r.leg(&a.end, &b.end)}
	if p.there.fate == passes {
		p.back = r.leg(&b.end, &a.end)
	}
	p.asked = p.there.fate == other || p.there.fate == passes && p.back.fate == other
	return p
}

// planner remembers plans; one goroutine uses it.
type planner struct {
	t     *Table
	plans map[uint64]*plan
	same  plan
}

func newPlanner(t *Table) *planner {
	return &planner{t: t, plans: map[uint64]*plan{}, same: plan{same: true}}
}

func (p *planner) of(a, b int32) *plan {
	x, y := &p.t.cells[a], &p.t.cells[b]
	if !x.odd && !y.odd && x.end.subnet == y.end.subnet {
		return &p.same
	}
	key := uint64(x.site)<<32 | uint64(y.site)
	if x.odd || y.odd {
		key = 1 << 63
	}
	q, ok := p.plans[key]
	if !ok {
		made := p.t.routes.planOf(x, y)
		q = &made
		p.plans[key] = q
	}
	return q
}
