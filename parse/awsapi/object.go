package awsapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// object is what all records of one id in one home say together.
type object struct {
	list  *list
	id    string
	home  ir.Home
	parts []record // the most telling first
	rest  []record // partial ones, until all are in
	more  int      // how many were one too many
}

// Bounds on what no real input comes near: AWS allows 50 CIDRs a VPC, 16 groups
// an interface, a few Regions an id.
const (
	maxParts = 32
	maxHomes = 64
	maxCIDRs = 60
	maxRefs  = 200
)

// get returns a member from the first part that has it.
func (o *object) get(names ...string) value {
	for _, p := range o.parts {
		if v := p.first(names...); v.ok() {
			return v
		}
	}
	return value{}
}

// main is the part that the object's place is taken from.
func (o *object) main() value { return o.parts[0].value }

// origin is where the object stands: its id, within the whole of it.
func (o *object) origin() ir.Origin {
	at := o.main().get(o.list.id)
	if !at.ok() {
		at = o.main()
	}
	return ir.Origin{Address: o.id, Range: at.place(), Block: o.main().place()}
}

type objectKey struct {
	kind recordKind
	list string // for kinds whose ids are only unique within their list
	id   string
}

func keyOf(r record, id string) objectKey {
	k := objectKey{kind: r.list.kind, id: id}
	switch r.list.kind {
	case recordService, recordSubnetGroup, recordLoadBalancer, recordIndirect:
		k.list = r.list.name
	}
	return k
}

// objects gathers the records of one id in one home, in the order of their
// first appearance.
func (b *builder) gather(records []record) {
	seen := map[objectKey][]*object{}
	for i, r := range records {
		id := recordID(r)
		if id == "" {
			switch r.list.kind {
			case recordReservation, recordBlockOptions, recordListener:
				id = fmt.Sprint("#", i)
			default:
				if !r.list.asOne() {
					b.noID(r)
					continue
				}
				id = fmt.Sprint("#", i)
			}
		}
		home := b.homes.of(r)
		k := keyOf(r, id)
		var o *object
		for _, c := range seen[k] {
			if compatible(c.home, home) || len(seen[k]) == maxHomes {
				o = c
				break
			}
		}
		if o == nil {
			o = &object{list: r.list, id: id, home: home}
			seen[k] = append(seen[k], o)
			b.objects[r.list.kind] = append(b.objects[r.list.kind], o)
		}
		o.add(r, home)
	}
	for k := recordInvalid; k <= recordIndirect; k++ {
		for _, o := range b.objects[k] {
			b.settle(o)
		}
	}
}

// add takes a record in; parts from lists come before those from elsewhere.
func (o *object) add(r record, home ir.Home) {
	if o.home.Account == "" {
		o.home.Account = home.Account
	}
	if o.home.Region == "" {
		o.home.Region = home.Region
	}
	switch {
	case len(o.parts)+len(o.rest) == maxParts:
		o.more++
	case r.partial:
		o.rest = append(o.rest, r)
	default:
		o.parts = append(o.parts, r)
	}
}

// settle puts the parts in order and reports contradictions among them.
func (b *builder) settle(o *object) {
	o.parts, o.rest = append(o.parts, o.rest...), nil
	if o.more > 0 {
		b.net.NotAnalysed = append(b.net.NotAnalysed, ir.Omission{Address: o.id, Cause: b.tooMany(o).Cause})
	}
	b.compare(o)
}

// tooMany says why an object with too many descriptions is not fully known.
func (b *builder) tooMany(o *object) *ir.Unknown {
	return &ir.Unknown{Term: "all of " + o.id, Cause: diag.Cause{
		Code: diag.Limit, Message: fmt.Sprintf("%s is described %d times; %d descriptions are read", o.id, maxParts+o.more, maxParts), Address: o.id, Range: o.main().place(),
	}}
}

func recordID(r record) string {
	if r.list.asOne() {
		return ""
	}
	id := r.get(r.list.id).str()
	if id == "" {
		switch r.list.kind {
		case recordService:
			id = r.first(serviceIDs...).str()
		case recordAddress:
			id = r.get("PublicIp").str()
		case recordLoadBalancer:
			id = r.first("LoadBalancerName", "DNSName").str()
		case recordSubnetGroup, recordIndirect:
			id = r.first("Name", "Arn", "Id").str()
		}
	}
	if id == "" && r.list.kind == recordService {
		return fmt.Sprintf("%s at %s", r.list.noun, r.place().Line())
	}
	return strings.TrimSpace(id)
}

// noID reports an object that nothing can refer to.
func (b *builder) noID(r record) {
	what := article(r.list.noun)
	message := fmt.Sprintf("%s without %s", what, r.list.id)
	b.invalid(r.value, r.list.name, message, "it was left out", "export it again, whole")
	b.net.NotAnalysed = append(b.net.NotAnalysed, ir.Omission{
		Address: r.list.name,
		Cause:   diag.Cause{Code: diag.NotValid, Message: message, Address: r.list.name, Range: r.place()},
	})
}

// material are the members in which two descriptions of one object may not
// differ without changing what packets can do. The rules of groups and the
// entries of ACLs are compared one by one elsewhere.
var material = []struct {
	kind    recordKind
	members []string
}{
	{recordVPC, []string{"CidrBlock", "CidrBlockAssociationSet", "Ipv6CidrBlockAssociationSet"}},
	{recordSubnet, []string{"VpcId", "CidrBlock", "MapPublicIpOnLaunch"}},
	{recordRouteTable, []string{"VpcId", "Routes", "Associations"}},
	{recordInterface, []string{"SubnetId", "Groups", "PrivateIpAddress", "SourceDestCheck"}},
	{recordInternetGateway, []string{"Attachments"}},
	{recordNATGateway, []string{"SubnetId", "NatGatewayAddresses", "ConnectivityType"}},
	{recordPeering, []string{"Status"}},
	{recordTransitAttachment, []string{"VpcId", "SubnetIds", "State"}},
	{recordEndpoint, []string{"VpcId", "Groups", "RouteTableIds"}},
	{recordLoadBalancer, []string{"SecurityGroups", "Scheme"}},
	{recordService, []string{"VpcSecurityGroups", "PubliclyAccessible", "VpcConfig"}},
	{recordPrefixList, []string{"Cidrs"}},
}

// compare warns when two descriptions of an object contradict each other.
func (b *builder) compare(o *object) {
	if len(o.parts) < 2 {
		return
	}
	for _, m := range material {
		if m.kind != o.list.kind {
			continue
		}
		texts := make([]string, len(m.members))
		for i, name := range m.members {
			texts[i] = canonical(o.main().get(name))
		}
		for _, p := range o.parts[1:] {
			b.comparePart(o, p.value, m.members, texts)
		}
	}
}

// comparePart compares one more description with the texts of the first.
func (b *builder) comparePart(o *object, p value, members, texts []string) {
	var names []string
	var first value
	for i, name := range members {
		y := p.get(name)
		if !y.ok() || !o.main().get(name).ok() || canonical(y) == texts[i] {
			continue
		}
		if names = append(names, name); len(names) == 1 {
			first = y
		}
	}
	if len(names) == 0 {
		return
	}
	at := o.main().get(names[0]).place().Line()
	b.note(diag.Diagnostic{
		Message: fmt.Sprintf("%s is described twice, with different %s", o.id, strings.Join(names, ", ")), Label: "not what " + at + " says",
		Fix: "give exports of one point in time", Note: "the first one, " + at + ", counts", Address: o.id, Range: first.place(),
	})
}

// canonical renders a value without order, nulls and empty containers. Only
// what decides about packets counts, so names, dates and tags are left out.
func canonical(v value) string {
	switch v.kind() {
	case objectValue:
		var parts []string
		for name, m := range v.members() {
			key := foldName(name)
			if text := canonical(m); text != "" && !idle(key) {
				parts = append(parts, key+":"+text)
			}
		}
		slices.Sort(parts)
		return braced("{", slices.Compact(parts), "}")
	case arrayValue:
		var parts []string
		for item := range v.items() {
			parts = append(parts, canonical(item))
		}
		slices.Sort(parts)
		return braced("[", parts, "]")
	case boolValue:
		if v.yes() {
			return "true"
		}
		return "false"
	case stringValue:
		return fmt.Sprintf("%q", v.peek())
	case numberValue:
		return v.text()
	}
	return ""
}

// idle members do not change what packets can do.
func idle(key string) bool {
	for _, suffix := range []string{"name", "associationid", "time", "message", "description", "tags", "tagset", "ownerid", "allocationid"} {
		if strings.HasSuffix(key, suffix) {
			return true
		}
	}
	return false
}

func braced(open string, parts []string, closing string) string {
	if len(parts) == 0 {
		return ""
	}
	return open + strings.Join(parts, ",") + closing
}

// index finds model objects by id. Ids of different Regions never meet; an
// unknown account or Region fits any.
type index[T any] map[string][]indexed[T]

type indexed[T any] struct {
	home ir.Home
	v    T
}

func (x index[T]) add(id string, home ir.Home, v T) { x[id] = append(x[id], indexed[T]{home, v}) }

func (x index[T]) find(id string, home ir.Home) (T, bool) {
	var other *indexed[T]
	for i := range x[id] {
		e := &x[id][i]
		if home.Region != "" && e.home.Region != "" && home.Region != e.home.Region {
			continue
		}
		if e.home == home {
			return e.v, true
		}
		if other == nil || compatible(e.home, home) && !compatible(other.home, home) {
			other = e
		}
	}
	if other == nil {
		var zero T
		return zero, false
	}
	return other.v, true
}
