package aws

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

func makePeering(v view) {
	o := &ir.Peering{ID: v.id(), Origin: v.origin(v.at(), nil)}
	register(v, v.b.peerings, o, "id")
	v.b.net.Peerings = append(v.b.net.Peerings, o)
}

// linkPeering reads the two ends. A connection works once the other side has
// accepted it: here, by auto_accept or an accepter resource, or elsewhere.
func linkPeering(v view) {
	o := v.b.peerings[tf.Symbol(v.in.Address, "id")]
	o.Requester, o.Accepter = v.vpcChoice("vpc_id"), v.vpcChoice("peer_vpc_id")
	o.SameRegion = v.sameRegion("peer_region")
	accept, _ := v.boolean("auto_accept", false)
	switch {
	case v.text("accept_status") == "active":
		accept = ir.Known(true)
	case accept.Known() && !accept.V:
		accept = ir.NotKnown[bool](notInInput(v.in.Address, "acceptance", v.at()))
	}
	if u := v.maybe(); u != nil {
		accept = ir.NotKnown[bool](u)
	}
	o.Active = accept
}

// sameRegion compares a Region with the provider's; unwritten, it is the same.
func (v view) sameRegion(attr string) ir.Value[bool] {
	r, set := v.str(attr)
	own := v.home().Region
	switch {
	case !set:
		return ir.Known(true)
	case !r.Known():
		return ir.NotKnown[bool](r.Why)
	case own == "":
		return ir.NotKnown[bool](&ir.Unknown{
			Term:  v.in.Address + " same Region",
			Cause: diag.Cause{Code: diag.NoValue, Message: "the Region of the provider is not known", Address: v.in.Address, Range: v.at(attr)},
		})
	}
	return ir.Known(r.V == own)
}

func linkPeeringAccepter(v view) {
	es := v.single("vpc_peering_connection_id")
	if len(es) == 0 {
		v.invalid(v.at(), "vpc_peering_connection_id is required", "name the connection")
		return
	}
	accept, _ := v.boolean("auto_accept", false)
	if v.text("accept_status") == "active" {
		accept = ir.Known(true)
	}
	if u := v.maybe(); u != nil {
		accept = ir.NotKnown[bool](u)
	}
	if !accept.Known() || accept.V {
		o := v.b.peering(es[0])
		v.b.later(func() { o.Active = accept })
	}
}
