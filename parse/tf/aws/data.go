package aws

import (
	"net/netip"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// eachData registers what data sources name. What a data source finds lies
// outside the root: only the attributes that the input shows are known of it.
func (b *builder) eachData() {
	var others []view // that find what another one finds, which may stand after them
	for _, in := range b.instances {
		if !in.Data {
			continue
		}
		v := view{b, in, in.Body}
		if es := v.single("id"); len(es) > 0 && refOf(es[0]).why != nil {
			others = append(others, v)
			continue
		}
		v.data()
	}
	for _, v := range others {
		v.data()
	}
}

// data registers what a data source names, unless it has an object already.
func (v view) data() {
	if v.found() {
		return
	}
	switch v.in.Type {
	case "aws_vpc":
		v.dataVPC()
	case "aws_subnet":
		v.dataSubnet()
	case "aws_security_group":
		v.dataGroup()
	case "aws_prefix_list", "aws_ec2_managed_prefix_list":
		v.dataPrefixList()
	case "aws_ec2_transit_gateway_vpn_attachment", "aws_ec2_transit_gateway_dx_gateway_attachment", "aws_ec2_transit_gateway_peering_attachment",
		"aws_ec2_transit_gateway_connect":
		v.dataAttachment()
	}
}

// found reports whether a data source finds what has an object already: what
// the root makes, or what an equal data source finds.
func (v view) found() bool {
	es := v.single("id")
	if len(es) == 0 {
		return false
	}
	r := refOf(es[0])
	if r.id != "" || r.key == "?"+v.in.Address+".id" {
		return false
	}
	switch v.in.Type {
	case "aws_vpc":
		return v.b.vpcs[r.key] != nil
	case "aws_subnet":
		return v.b.subnets[r.key] != nil
	case "aws_security_group":
		return v.b.groups[r.key] != nil
	case "aws_prefix_list", "aws_ec2_managed_prefix_list":
		return v.b.lists[r.key] != nil
	}
	return false
}

// dataKeys are what expressions may name a data source's object by: a symbol,
// an unknown with the term of its id, or the id itself.
func dataKeys(v view) []string {
	return append(v.keys("id"), "?"+v.in.Address+".id")
}

// dataRef is a reference to the data source's object.
func dataRef(v view) ref {
	return ref{id: v.id(), name: v.in.Address, at: v.blk.Range, why: &ir.Unknown{
		Term:  v.in.Address,
		Cause: diag.Cause{Code: diag.DataSource, Message: v.in.Address + " is looked up in AWS", Address: v.in.Address, Range: v.blk.Range},
	}}
}

func registerData[T any](v view, m map[string]*T, o *T) {
	for _, k := range dataKeys(v) {
		if m[k] == nil {
			m[k] = o
		}
	}
	v.noteMaybe(o)
}

func (v view) dataVPC() {
	if isDefault, set := v.boolean("default", false); set && isDefault.Known() && isDefault.V && v.id() == "" {
		registerData(v, v.b.vpcs, v.b.defaultVPC(v))
		return
	}
	if o := v.b.vpcs[v.id()]; o != nil && v.id() != "" {
		registerData(v, v.b.vpcs, o)
		return
	}
	r := dataRef(v)
	o := &ir.VPC{
		ID: r.id, Name: r.name, Home: v.home(), Tags: v.tags(), More: r.unseen("CIDRs"), BPA: ir.Known(ir.BPAOff),
		Exclusion: ir.NotKnown[ir.Exclusion](r.unseen("exclusion")), Origin: r.named(),
	}
	if p, set := v.cidrAttr("cidr_block", packet.IPv4, hostBitsMasked); set && p.Known() {
		o.IPv4 = []ir.Value[netip.Prefix]{p}
	}
	if p, set := v.cidrAttr("ipv6_cidr_block", packet.IPv6, hostBitsMasked); set && p.Known() {
		o.IPv6 = []ir.Value[netip.Prefix]{p}
	}
	v.b.net.VPCs = append(v.b.net.VPCs, o)
	registerData(v, v.b.vpcs, o)
}

func (v view) dataSubnet() {
	if o := v.b.subnets[v.id()]; o != nil && v.id() != "" {
		registerData(v, v.b.subnets, o)
		return
	}
	r := dataRef(v)
	o := v.b.unseenSubnet(r.id, r.name, r.unseen, r.named())
	o.Tags, o.Zone = v.tags(), v.zone()
	if len(v.single("vpc_id")) > 0 {
		o.VPC = v.vpcChoice("vpc_id")
	}
	if p, set := v.cidrAttr("cidr_block", packet.IPv4, hostBitsMasked); set && p.Known() {
		o.IPv4 = p
	}
	if p, set := v.boolean("map_public_ip_on_launch", false); set && p.Known() {
		o.PublicOnLaunch = p
	}
	registerData(v, v.b.subnets, o)
}

func (v view) dataGroup() {
	if o := v.b.groups[v.id()]; o != nil && v.id() != "" {
		registerData(v, v.b.groups, o)
		return
	}
	r := dataRef(v)
	o := &ir.SecurityGroup{
		ID: r.id, Name: r.name, Home: v.home(), Tags: v.tags(), VPCs: ir.Another[*ir.VPC](r.unseen("vpc_id")), Open: r.unseen("rules"), Origin: r.named(),
	}
	if name := v.text("name"); name != "" {
		o.Name = name
	}
	if len(v.single("vpc_id")) > 0 {
		o.VPCs = v.vpcChoice("vpc_id")
	}
	v.b.net.SecurityGroups = append(v.b.net.SecurityGroups, o)
	registerData(v, v.b.groups, o)
}

// dataPrefixList reads a list of AWS's or of the account's; a plan that has
// looked it up shows its CIDRs.
func (v view) dataPrefixList() {
	if o := v.b.lists[v.id()]; o != nil && v.id() != "" {
		registerData(v, v.b.lists, o)
		return
	}
	r := dataRef(v)
	o := &ir.PrefixList{ID: r.id, Name: r.name, Home: v.home(), Open: r.unseen("CIDRs"), Origin: r.named()}
	if name := v.text("name"); name != "" {
		o.Name, o.AWS = name, strings.HasPrefix(name, "com.amazonaws.")
	}
	cidrs, set := v.list("cidr_blocks")
	if set && v.id() != "" {
		o.Open = nil
	}
	for _, e := range cidrs {
		if p := v.cidr(e, packet.FamilyInvalid, hostBitsMasked); p.Known() {
			o.CIDRs = append(o.CIDRs, p.V)
		} else {
			o.Open = p.Why
		}
	}
	if entries, set := v.nested("entries"); set && v.id() != "" {
		o.Open = nil
		for _, n := range entries {
			n.addListEntry(o)
		}
	}
	v.b.net.PrefixLists = append(v.b.net.PrefixLists, o)
	registerData(v, v.b.lists, o)
}
