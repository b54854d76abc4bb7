package rules

import (
	"fmt"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var routeAsymmetric = &Rule{
	ID: "route-asymmetric", Title: "A way there and none back", Severity: diag.Medium,
	Doc: Doc{
		What: "Packets get from an interface of one VPC to an interface of another, and no route leads their replies back.",
		Why:  "Connections hang until they time out. Nothing says why: every group and ACL looks right.",
		Fix:  "Add the route back to the table of the other subnet.",
		Bad:  peeredService("10.1.2.0/24", ""),
		Good: peeredService("10.1.2.0/24", routeBack),
	},
	Run: asymmetricRoutes,
}

func asymmetricRoutes(p *Pass) error {
	type ends struct{ from, to *ir.Subnet }
	said := map[ends]bool{}
	for _, from := range p.Net.Interfaces {
		for _, to := range p.Net.Interfaces {
			a, ok := from.Subnet.Known()
			b, also := to.Subnet.Known()
			v, w := vpcOf(from), vpcOf(to)
			if !ok || !also || v == nil || w == nil || v == w || said[ends{a, b}] || !connected(p.Net, v, w) {
				continue
			}
			for _, f := range packet.Families {
				st, h, err := noWayBack(p, f, from, to)
				if err != nil {
					return err
				}
				if st != nil && !said[ends{a, b}] {
					said[ends{a, b}] = true
					reportOneWay(p, f, from, to, st, h)
				}
			}
		}
	}
	return nil
}

// noWayBack returns the route decision that surely drops the reply to all that
// surely gets from one interface to another, and such a packet; nil when there
// is none.
func noWayBack(p *Pass, f packet.Family, from, to *ir.Interface) (*reach.Stage, packet.Header, error) {
	s := p.Model.Space(f)
	flow, err := p.Model.Flow(p.Context, from, to, f)
	if err != nil || flow.Forward.Must == solver.Empty || flow.Complete.May != solver.Empty {
		return nil, packet.Header{}, err
	}
	for _, st := range p.Model.Blockers(f, flow, flow.Forward.Must) {
		if !st.Reply || st.Kind != reach.KindRoute {
			continue
		}
		h, ok, err := s.Witness(flow.Forward.Must)
		if err != nil || !ok {
			return nil, packet.Header{}, err
		}
		return &st, h, nil
	}
	return nil, packet.Header{}, s.Err()
}

func reportOneWay(p *Pass, f packet.Family, from, to *ir.Interface, st *reach.Stage, h packet.Header) {
	place := st.Place
	place.Message = st.Message
	if place.Range.IsZero() {
		place = to.Origin.Place(st.Message)
	}
	finding := diag.Finding{
		Family: f, Place: place,
		Message: fmt.Sprintf("packets from %s reach %s, and no route leads the replies back", from.Resource, to.Resource),
		Why:     st.Message + "; the request of " + serviceOf(h) + " passes every group, ACL and route on its way",
		Fix:     diag.Fix{Text: fmt.Sprintf("add a route from %s back to %s", subnetOf(to), subnetOf(from))},
		Path:    []diag.Hop{{From: from.Resource, To: to.Resource, Protocol: packet.ProtocolName(int16(h.Protocol)), Port: portOf(h)}},
		Witness: &diag.Witness{Header: h, SrcOf: from.Resource, DstOf: to.Resource, Representative: !addressKnown(to, h)},
		Key:     "no way back from " + subnetOf(to) + " to " + subnetOf(from),
	}
	if v := vpcOf(to); v != nil {
		finding.VPC, finding.Account, finding.Region = vpcName(v), v.Home.Account, v.Home.Region
	}
	p.Prove(finding, Proof{
		Query:  trace.Query{From: from, To: to, Header: h},
		Expect: func(r trace.Result) bool { return r.Forward.Verdict == trace.Allow && r.Reply.Verdict == trace.Deny },
	})
}

func subnetOf(i *ir.Interface) string {
	s, ok := i.Subnet.Known()
	if !ok {
		return "its subnet"
	}
	if s.IPv4.Known() && s.IPv4.V.IsValid() {
		return subnetName(s) + " (" + s.IPv4.V.String() + ")"
	}
	return subnetName(s)
}
