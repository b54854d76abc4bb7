package aws

import "github.com/postern-dev/postern/ir"

// linkLattice associates a VPC with a VPC Lattice service network. The groups of
// the association filter what the VPC's clients send there; without any,
// nothing does. [vpc-lattice security-groups]
func linkLattice(v view) {
	es := v.single("vpc_identifier")
	if len(es) == 0 {
		v.invalid(v.at(), "vpc_identifier is required", "name the VPC")
		return
	}
	l := &ir.Lattice{Origin: v.origin(v.at("security_group_ids"), v.fields(map[string]ir.Field{"security_group_ids": ir.FieldGroups}))}
	l.Groups, _ = v.groupSet("security_group_ids")
	if u := v.maybe(); u != nil {
		l.Groups.Open = u
	}
	for _, vpc := range v.latticeVPCs(es[0]) {
		if vpc.Lattice == nil {
			vpc.Lattice = l
			continue
		}
		both := *vpc.Lattice
		both.Groups = union(both.Groups, l.Groups)
		both.Groups.Open = v.invalid(v.at("vpc_identifier"), vpc.Origin.Address+" is associated with two service networks: AWS takes one", "keep one of them")
		vpc.Lattice = &both
	}
}

// latticeVPCs are the VPCs that an element may name.
func (v view) latticeVPCs(e elem) []*ir.VPC {
	return choiceAmong(v.b, e, v.b.vpcs, func() *ir.VPC { return v.b.vpc(v, e) }).Of
}
