package aws

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// Inventory is objects that exist, and what data sources have found before:
// from exports, states and plans that lend facts. It is filled first; then it
// is safe for concurrent use.
type Inventory struct {
	objects map[string][]*held // by the type of data source that finds them
	read    map[string][]*held // what a data source has read, by its address
	closed  []closedKind

	mu   sync.Mutex
	used map[string]bool
}

// held is an object of the inventory.
type held struct {
	from, typ string
	home      ir.Home
	attrs     map[string]cty.Value
}

// closedKind is a kind of which an export lists everything.
type closedKind struct {
	from, typ string
	home      ir.Home
}

// NewInventory makes an empty inventory.
func NewInventory() *Inventory {
	return &Inventory{objects: map[string][]*held{}, read: map[string][]*held{}, used: map[string]bool{}}
}

// Used reports whether anything that came from a source was an answer.
func (inv *Inventory) Used(from string) bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.used[from]
}

func (inv *Inventory) use(h *held) { inv.useFrom(h.from) }

func (inv *Inventory) useFrom(from string) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.used[from] = true
}

// AddRoot adds the objects of a state or plan that exist, and what its data
// sources have read. It returns how many there are.
func (inv *Inventory) AddRoot(from string, root *tf.Root) int {
	n := 0
	for _, in := range root.Instances {
		if in.Body == nil || in.Maybe != nil {
			continue
		}
		h := &held{from: from, typ: dataTypeOf(in.Type), home: ir.Home{Region: in.Region}, attrs: map[string]cty.Value{}}
		for name, a := range in.Body.Attrs {
			if fixed(a.Value) {
				h.attrs[name] = a.Value
			}
		}
		for typ, objects := range blockObjects(in.Body) {
			h.attrs[typ] = cty.TupleVal(objects)
		}
		if in.Data {
			inv.read[in.Address] = append(inv.read[in.Address], h)
			n++
		}
		if id, ok := textOf(h.attrs["id"]); ok && id != "" && slices.Contains(findable, h.typ) {
			inv.objects[h.typ] = append(inv.objects[h.typ], h)
			n++
		}
	}
	return n
}

// blockObjects are the nested blocks of which everything is known, by type.
func blockObjects(b *tf.Block) map[string][]cty.Value {
	out := map[string][]cty.Value{}
	for _, n := range b.Blocks {
		o := map[string]cty.Value{}
		for name, a := range n.Attrs {
			if fixed(a.Value) {
				o[name] = a.Value
			}
		}
		out[n.Type] = append(out[n.Type], cty.ObjectVal(o))
	}
	return out
}

// fixed reports whether a value is known as a whole, ids included.
func fixed(v cty.Value) bool {
	bare, _ := v.UnmarkDeep()
	if !bare.IsWhollyKnown() {
		return false
	}
	text, err := ctyjson.Marshal(bare, bare.Type())
	return err == nil && !tf.HasSymbol(string(text))
}

// AddExport adds the objects of an export. It returns how many there are.
func (inv *Inventory) AddExport(from string, n *ir.Network) int {
	x := exported{inv, from}
	before := len(inv.closed)
	for _, v := range n.VPCs {
		if v.Seen {
			x.add("aws_vpc", v.ID, v.Home, v.Tags, map[string]cty.Value{
				"cidr_block": prefixOf(v.IPv4), "ipv6_cidr_block": prefixOf(v.IPv6), "default": cty.BoolVal(v.Default),
			})
		}
	}
	for _, s := range n.Subnets {
		x.add("aws_subnet", s.ID, homeOf(s), s.Tags, map[string]cty.Value{
			"cidr_block": prefixOf([]ir.Value[netip.Prefix]{s.IPv4}), "vpc_id": idOfChoice(s.VPC, func(v *ir.VPC) string { return v.ID }),
		})
	}
	for _, g := range n.SecurityGroups {
		x.add("aws_security_group", g.ID, g.Home, g.Tags, map[string]cty.Value{
			"name": text(g.Name), "vpc_id": idOfChoice(g.VPCs, func(v *ir.VPC) string { return v.ID }),
		})
	}
	for _, t := range n.RouteTables {
		x.add("aws_route_table", t.ID, t.Home, t.Tags, map[string]cty.Value{"vpc_id": idOfChoice(t.VPC, func(v *ir.VPC) string { return v.ID })})
	}
	for _, g := range n.Gateways {
		if g.Kind == ir.InternetGateway {
			x.add("aws_internet_gateway", g.ID, g.Home, nil, map[string]cty.Value{"vpc_id": idOfChoice(g.VPC, func(v *ir.VPC) string { return v.ID })})
		}
	}
	for _, l := range n.PrefixLists {
		x.add("aws_ec2_managed_prefix_list", l.ID, l.Home, nil, map[string]cty.Value{"name": text(l.Name)})
		x.add("aws_prefix_list", l.ID, l.Home, nil, map[string]cty.Value{"name": text(l.Name), "cidr_blocks": blocksOf(l)})
	}
	for scope, closed := range n.Closed {
		if typ := closedTypes[scope.Kind]; closed && typ != "" {
			inv.closed = append(inv.closed, closedKind{from, typ, ir.Home{Account: scope.Account, Region: scope.Region}})
		}
	}
	count := len(inv.closed) - before
	for _, objects := range inv.objects {
		for _, h := range objects {
			if h.from == from {
				count++
			}
		}
	}
	return count
}

var closedTypes = map[ir.Kind]string{
	ir.KindVPC: "aws_vpc", ir.KindSubnet: "aws_subnet", ir.KindSecurityGroup: "aws_security_group", ir.KindRouteTable: "aws_route_table",
}

type exported struct {
	inv  *Inventory
	from string
}

// add files an object that has an id; attributes that are not known are left out.
func (x exported) add(typ, id string, home ir.Home, tags map[string]string, attrs map[string]cty.Value) {
	if id == "" {
		return
	}
	h := &held{from: x.from, typ: typ, home: home, attrs: map[string]cty.Value{"id": cty.StringVal(id)}}
	for name, v := range attrs {
		if v != cty.NilVal {
			h.attrs[name] = v
		}
	}
	if tags != nil {
		m := map[string]cty.Value{}
		for k, v := range tags {
			m[k] = cty.StringVal(v)
		}
		h.attrs["tags"] = cty.MapValEmpty(cty.String)
		if len(m) > 0 {
			h.attrs["tags"] = cty.MapVal(m)
		}
	}
	x.inv.objects[typ] = append(x.inv.objects[typ], h)
}

func text(s string) cty.Value {
	if s == "" {
		return cty.NilVal
	}
	return cty.StringVal(s)
}

func prefixOf(ps []ir.Value[netip.Prefix]) cty.Value {
	if len(ps) == 0 || !ps[0].Known() || !ps[0].V.IsValid() {
		return cty.NilVal
	}
	return cty.StringVal(ps[0].V.String())
}

func idOfChoice[T any](c ir.Choice[T], id func(T) string) cty.Value {
	one, ok := c.Known()
	if !ok {
		return cty.NilVal
	}
	return text(id(one))
}

func homeOf(s *ir.Subnet) ir.Home {
	if v, ok := s.VPC.Known(); ok {
		return v.Home
	}
	return ir.Home{}
}

func blocksOf(l *ir.PrefixList) cty.Value {
	if l.Open != nil || len(l.CIDRs) == 0 {
		return cty.NilVal
	}
	var vs []cty.Value
	for _, c := range l.CIDRs {
		vs = append(vs, cty.StringVal(c.String()))
	}
	return cty.ListVal(vs)
}

// near reports whether an object may be in the Region that a data source asks.
func near(in *tf.Instance, h ir.Home) bool {
	return in.Region == "" || h.Region == "" || in.Region == h.Region
}

// fitting are the objects of a type that fit, each id once.
func (inv *Inventory) fitting(in *tf.Instance, typ string, q question) []*held {
	var fits []*held
	if inv == nil {
		return nil
	}
	for _, h := range inv.objects[typ] {
		if !near(in, h.home) || !q.fits(func(name string) cty.Value { return h.attr(name) }) {
			continue
		}
		i := slices.IndexFunc(fits, func(o *held) bool { return o.attrs["id"].RawEquals(h.attrs["id"]) })
		switch {
		case i < 0:
			fits = append(fits, h)
		case len(fits[i].attrs) < len(h.attrs):
			fits[i] = h
		}
	}
	return fits
}

func (h *held) attr(name string) cty.Value {
	v, ok := h.attrs[name]
	if !ok {
		return cty.NilVal
	}
	return v
}

// all is the list of the ids that fit, where an export lists everything of the
// type; NilVal elsewhere.
func (inv *Inventory) all(in *tf.Instance, typ string, q question) cty.Value {
	if inv == nil || !q.settled() {
		return cty.NilVal
	}
	var closed []closedKind
	for _, c := range inv.closed {
		if c.typ == typ && near(in, c.home) {
			closed = append(closed, c)
		}
	}
	if len(closed) != 1 {
		return cty.NilVal // none, or several accounts or Regions that may be meant
	}
	var ids []string
	for _, h := range inv.objects[typ] {
		if h.home != closed[0].home {
			continue
		}
		for _, c := range q {
			if h.attr(c.attr) == cty.NilVal && c.attr != "tags" {
				return cty.NilVal // it may fit
			}
		}
		if id, _ := textOf(h.attrs["id"]); q.fits(h.attr) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	inv.useFrom(closed[0].from)
	if len(ids) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	slices.Sort(ids)
	vs := make([]cty.Value, len(ids))
	for i, id := range ids {
		vs[i] = cty.StringVal(id)
	}
	return cty.ListVal(vs)
}

// recorded is what a data source with the same address and the same arguments
// has read before; nil when that is not known, or was different each time.
func (inv *Inventory) recorded(in *tf.Instance) map[string]cty.Value {
	if inv == nil {
		return nil
	}
	var found *held
	for _, h := range inv.read[in.Address] {
		if h.typ != dataTypeOf(in.Type) || !near(in, h.home) || !h.answers(in.Body) {
			continue
		}
		if found != nil && sameText(cty.ObjectVal(found.attrs)) != sameText(cty.ObjectVal(h.attrs)) {
			return nil
		}
		found = h
	}
	if found == nil {
		return nil
	}
	inv.use(found)
	return found.attrs
}

// answers reports whether what was read was asked with the arguments of a block.
func (h *held) answers(b *tf.Block) bool {
	for name, a := range b.Attrs {
		have := h.attr(name)
		bare, _ := a.Value.UnmarkDeep()
		switch {
		case bare.IsNull():
			continue
		case have == cty.NilVal || !fixed(a.Value):
			return false
		case name == "tags":
			q, ok := tagCriteria(a.Value)
			if !ok || !q.fits(h.attr) {
				return false
			}
		case sameText(bare) != sameText(have):
			return false
		}
	}
	for _, n := range b.Blocks {
		if !h.hasBlock(n) {
			return false
		}
	}
	return true
}

// hasBlock reports whether a nested block is among those that were asked with.
func (h *held) hasBlock(n *tf.Block) bool {
	have := h.attr(n.Type)
	if have == cty.NilVal || n.Maybe != nil {
		return false
	}
	bare, _ := have.UnmarkDeep()
	if bare.IsNull() || !isSequence(bare.Type()) {
		return false
	}
	for it := bare.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || !e.Type().IsObjectType() && !e.Type().IsMapType() {
			continue
		}
		values, same := e.AsValueMap(), true
		for name, a := range n.Attrs {
			v, ok := values[name]
			same = same && ok && fixed(a.Value) && sameText(a.Value) == sameText(v)
		}
		if same {
			return true
		}
	}
	return false
}

// sameText writes a known value so that what Terraform takes for equal is equal:
// lists and sets, in any order; numbers and texts.
func sameText(v cty.Value) string {
	bare, _ := v.UnmarkDeep()
	switch {
	case bare.IsNull() || !bare.IsKnown():
		return "null"
	case bare.CanIterateElements():
		var parts []string
		for it := bare.ElementIterator(); it.Next(); {
			k, e := it.Element()
			part := sameText(e)
			if bare.Type().IsMapType() || bare.Type().IsObjectType() {
				part = k.AsString() + ":" + part
			}
			parts = append(parts, part)
		}
		slices.Sort(parts)
		return fmt.Sprint(parts)
	}
	data, err := ctyjson.Marshal(bare, bare.Type())
	var s string
	if err != nil || json.Unmarshal(data, &s) != nil {
		return string(data)
	}
	return s
}
