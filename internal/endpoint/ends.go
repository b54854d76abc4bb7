package endpoint

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
)

// End is one end of the flows that a question about sets of packets is about.
type End struct {
	// Interface is nil for hosts outside every VPC.
	Interface *ir.Interface
	// Addresses of the hosts; nil for an interface: an address that an interface
	// holds stands for the interface, with all its addresses.
	Addresses *netipx.IPSet
	// Nowhere is an address inside a VPC that surely no interface has.
	Nowhere netip.Addr
}

// Ends returns everything that an endpoint means in a network, in the order of
// the network, hosts outside last. rest are addresses that lie in a VPC and that
// no interface of the input is known to have, where there are too many of them
// to ask about each. The error is an *EmptyError.
func Ends(n *ir.Network, e Expr) (ends []End, rest *netipx.IPSet, err error) {
	s := e.Select(n)
	named := s.Addresses
	if named == nil {
		named = &netipx.IPSet{}
	}
	for _, nic := range s.Interfaces {
		ends = append(ends, End{Interface: nic})
	}
	var held netipx.IPSetBuilder
	for _, nic := range n.Interfaces {
		for _, a := range nic.Addresses {
			if a.Private.Known() {
				held.Add(a.Private.V)
			}
			if a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
				held.Add(a.Public.Addr.V)
			}
		}
		for _, p := range nic.Prefixes {
			held.AddPrefix(p)
		}
	}
	var outside, inside, vpcs netipx.IPSetBuilder
	for _, v := range n.VPCs {
		for _, c := range append(append([]ir.Value[netip.Prefix]{}, v.IPv4...), v.IPv6...) {
			if c.Known() && c.V.IsValid() {
				vpcs.AddPrefix(c.V)
			}
		}
	}
	inVPCs, taken := set(&vpcs), set(&held)
	outside.AddSet(named)
	outside.RemoveSet(inVPCs)
	outside.RemoveSet(taken)
	inside.AddSet(named)
	inside.Intersect(inVPCs)
	inside.RemoveSet(taken)
	rest = set(&inside)
	if single(rest) {
		unseen, err := outsideEnd(n, e, Selection{Addresses: rest})
		if err != nil {
			return nil, nil, err
		}
		for _, u := range unseen {
			end := End{Interface: u.nic}
			if u.nowhere {
				end.Nowhere = rest.Ranges()[0].From()
			}
			ends = append(ends, end)
		}
		rest = &netipx.IPSet{}
	}
	if o := set(&outside); len(o.Ranges()) > 0 {
		ends = append(ends, End{Addresses: o})
	}
	if len(ends) == 0 {
		return nil, nil, &EmptyError{e}
	}
	return ends, rest, nil
}
