package trace

import "github.com/postern-dev/postern/ir"

// bpa asks VPC Block Public Access about a packet between a place and the
// internet. natted packets are those of NAT and egress-only gateways; outbound
// ones belong to a flow that began inside. A reply by an internet gateway that
// its request did not take is a packet of its own. [VPC security-vpc-bpa]
func (w *walk) bpa(t *trip, at place, natted, outbound bool) bool {
	if t.inspected || at.edge != nil {
		// Endpoints of Gateway Load Balancers are blocked though their subnet be
		// excluded; a regional NAT gateway has none.
		at.subnet, at.edge = nil, nil
		return w.bpaOf(t, at, natted, outbound, false)
	}
	return w.bpaOf(t, at, natted, outbound, true)
}

func (w *walk) bpaOf(t *trip, at place, natted, outbound, subnets bool) bool {
	if at.vpc == nil || plainlyOff(at) {
		return true // a VPC that is not known has already decided at its gateway
	}
	return w.check(t, StageBPA, func(m mode) bool { return bpaPasses(m, at, natted, outbound, subnets) }, func(h *Hop) {
		h.Component, h.Message, h.Code = vpcName(at.vpc), "Block Public Access lets it pass", "VPC_BLOCK_PUBLIC_ACCESS_ENABLED"
		h.Place = at.vpc.Origin.Place("")
		h.Because = unknowns(at.vpc.BPA.Why, at.vpc.Exclusion.Why)
		if at.subnet != nil {
			h.Because = append(h.Because, unknowns(at.subnet.Exclusion.Why)...)
		}
		if h.Verdict == Deny {
			h.Message = "Block Public Access stops it"
		}
	})
}

func plainlyOff(at place) bool { return at.vpc.BPA.Known() && at.vpc.BPA.V == ir.BPAOff }

// bpaPasses tries every mode and exclusion that may hold.
func bpaPasses(m mode, at place, natted, outbound, subnets bool) bool {
	for _, mode := range domain(&at.vpc.BPA, ir.BPAOff, ir.BPAIngress, ir.BPABidirectional) {
		for _, e := range exclusions(at, subnets) {
			if passes := bpaLets(mode, e, natted, outbound); passes == bool(m) {
				return passes
			}
		}
	}
	return m == pessimist
}

// bpaLets is the rule for known settings. An exclusion for egress counts under
// the bidirectional mode only.
func bpaLets(b ir.BPA, e ir.Exclusion, natted, outbound bool) bool {
	if b == ir.BPAOff || e == ir.ExclusionBidirectional {
		return true
	}
	if b == ir.BPAIngress {
		return natted
	}
	return e == ir.ExclusionEgress && outbound
}

// exclusions lists the exclusions that may hold at a place; the subnet's own
// comes before its VPC's.
func exclusions(at place, subnets bool) []ir.Exclusion {
	all := []ir.Exclusion{ir.ExclusionNone, ir.ExclusionBidirectional, ir.ExclusionEgress}
	vpc := domain(&at.vpc.Exclusion, all...)
	switch {
	case !subnets:
		return vpc
	case at.subnet == nil:
		return all
	}
	var es []ir.Exclusion
	for _, e := range domain(&at.subnet.Exclusion, all...) {
		if e == ir.ExclusionNone {
			es = append(es, vpc...)
		} else {
			es = append(es, e)
		}
	}
	return es
}

func domain[T any](v *ir.Value[T], all ...T) []T {
	if v.Known() {
		return []T{v.V}
	}
	return all
}
