package aws

import (
	"github.com/postern-dev/postern/ir"
)

// blockPublicAccess is one aws_vpc_block_public_access_options: it holds for
// every VPC of its account and Region.
type blockPublicAccess struct {
	region string
	mode   ir.Value[ir.BPA]
}

func linkBPAOptions(v view) {
	mode, set := v.str("internet_gateway_block_mode")
	out := ir.Value[ir.BPA]{Why: mode.Why}
	if set && mode.Known() {
		switch mode.V {
		case "off":
			out = ir.Known(ir.BPAOff)
		case "block-ingress":
			out = ir.Known(ir.BPAIngress)
		case "block-bidirectional":
			out = ir.Known(ir.BPABidirectional)
		default:
			out.Why = v.invalid(v.at("internet_gateway_block_mode"), "there is no such mode", "use off, block-ingress or block-bidirectional")
		}
	}
	if !set {
		out.Why = v.invalid(v.at(), "internet_gateway_block_mode is required", "use off, block-ingress or block-bidirectional")
	}
	if u := v.maybe(); u != nil {
		out = ir.NotKnown[ir.BPA](u)
	}
	v.b.bpa = append(v.b.bpa, blockPublicAccess{v.home().Region, out})
}

// applyBPA sets the mode of every VPC of the same Region. A Region that is not
// known may be any.
func (b *builder) applyBPA() {
	for _, o := range b.net.VPCs {
		for _, p := range b.bpa {
			if p.region == o.Home.Region || p.region == "" || o.Home.Region == "" {
				o.BPA = p.mode
			}
		}
	}
}

func linkBPAExclusion(v view) {
	mode, set := v.str("internet_gateway_exclusion_mode")
	out := ir.Value[ir.Exclusion]{Why: mode.Why}
	switch {
	case !set:
		out.Why = v.invalid(v.at(), "internet_gateway_exclusion_mode is required", "use allow-bidirectional or allow-egress")
	case !mode.Known():
	case mode.V == "allow-bidirectional":
		out = ir.Known(ir.ExclusionBidirectional)
	case mode.V == "allow-egress":
		out = ir.Known(ir.ExclusionEgress)
	default:
		out.Why = v.invalid(v.at("internet_gateway_exclusion_mode"), "there is no such mode", "use allow-bidirectional or allow-egress")
	}
	if u := v.maybe(); u != nil {
		out = ir.NotKnown[ir.Exclusion](u)
	}
	for _, e := range v.single("vpc_id") {
		v.b.vpc(v, e).Exclusion = out
	}
	for _, e := range v.single("subnet_id") {
		v.b.subnet(v, e).Exclusion = out
	}
}
