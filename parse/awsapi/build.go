package awsapi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// builder makes the network of all records.
type builder struct {
	net     *ir.Network
	reader  *Reader
	homes   *homes
	objects map[recordKind][]*object
	notes   diag.List
	noted   map[string]bool

	vpcs        index[*ir.VPC]
	subnets     index[*ir.Subnet]
	groups      index[*ir.SecurityGroup]
	acls        index[*ir.NetworkACL]
	tables      index[*ir.RouteTable]
	prefixLists index[*ir.PrefixList]
	interfaces  index[*ir.Interface]
	gateways    index[*ir.Gateway]
	peerings    index[*ir.Peering]
	transits    index[*ir.TransitGateway]
	attachments index[*ir.Attachment]

	// carried are the groups that an interface or a service carries: they
	// exist, whatever the list of groups says.
	carried map[string]bool
	// waiting counts interfaces that name groups of a file that failed.
	waiting map[int]map[*ir.Interface]bool
	// adopted are the resources that an interface may belong to.
	adopted map[*ir.Interface][]string
	// Built when first asked for.
	natByInterface map[string]string
	natAddresses   map[string]bool
	named          map[string][]*ir.Interface
	byName         map[string][]*ir.SecurityGroup
	listenersOf    map[string][]*object
	balancerNICs   index[[]*ir.Interface]
	forwards       []forwarding
	transitWith    map[*ir.TransitTable]*ir.TransitGateway
	regional       map[*ir.Gateway]value // NAT gateways, with what names their route table
	subnetGroups   index[*object]
	serviceIDs     map[string]bool
	addressPlaces  map[*ir.Interface]map[string]int
	listHomes      []ir.Home
	failedOf       map[ir.Scope]int
	cutOf          map[ir.Scope]int
	comparisons    int // of interfaces with resources
}

// Network makes one network of the files read so far. The list is about the
// files; what is wrong with single objects is in the network's own Problems.
func (r *Reader) Network() (*ir.Network, diag.List) {
	b := &builder{
		net: &ir.Network{Closed: map[ir.Scope]bool{}}, reader: r, objects: map[recordKind][]*object{}, noted: map[string]bool{},
		vpcs: index[*ir.VPC]{}, subnets: index[*ir.Subnet]{}, groups: index[*ir.SecurityGroup]{}, acls: index[*ir.NetworkACL]{},
		tables: index[*ir.RouteTable]{}, prefixLists: index[*ir.PrefixList]{}, interfaces: index[*ir.Interface]{},
		gateways: index[*ir.Gateway]{}, peerings: index[*ir.Peering]{}, transits: index[*ir.TransitGateway]{},
		attachments: index[*ir.Attachment]{}, balancerNICs: index[[]*ir.Interface]{}, regional: map[*ir.Gateway]value{}, transitWith: map[*ir.TransitTable]*ir.TransitGateway{}, carried: map[string]bool{}, waiting: map[int]map[*ir.Interface]bool{},
		adopted: map[*ir.Interface][]string{}, addressPlaces: map[*ir.Interface]map[string]int{}, failedOf: map[ir.Scope]int{}, cutOf: map[ir.Scope]int{},
	}
	b.homes = newHomes(r.records, r.callers)
	b.net.Problems = append(b.net.Problems, r.problems...)
	b.net.NotAnalysed = append(b.net.NotAnalysed, r.omissions...)
	b.gather(r.records)
	b.close()
	b.findCarried()

	b.buildVPCs()
	b.buildSubnets()
	b.buildPrefixLists()
	b.nameGroups()
	b.buildGateways()
	b.buildPeerings()
	b.buildInterfaces()
	b.buildServices()
	b.buildEndpoints()
	b.buildAddresses()
	b.buildForwards()
	b.buildGroups()
	b.buildACLs()
	b.buildTransits()
	b.buildRouteTables()
	b.attach()
	b.buildBlocks()
	b.buildIndirect()
	b.buildLattice()
	return b.finish()
}

func (b *builder) finish() (*ir.Network, diag.List) {
	reading := append(slices.Clone(b.reader.reading), b.notes...)
	files := map[string]bool{}
	for _, l := range b.reader.listings {
		files[l.value.d.file] = true
	}
	for _, r := range b.reader.records {
		files[r.d.file] = true
	}
	for i, f := range b.reader.failures {
		d := &reading[f.at]
		d.Note = failureNote(len(files), f, len(b.waiting[i]))
	}
	b.net.Problems = b.net.Problems.Sort()
	slices.SortStableFunc(b.net.NotAnalysed, func(x, y ir.Omission) int {
		return cmp.Or(x.Cause.Range.Compare(y.Cause.Range), strings.Compare(x.Address, y.Address))
	})
	return b.net, reading.Sort()
}

// failureNote says what follows from a file that could not be read.
func failureNote(read int, f failure, waiting int) string {
	note := ""
	switch read {
	case 0:
	case 1:
		note = "the other file was read"
	default:
		note = "the other " + count(read, "file") + " were read"
	}
	if waiting > 0 {
		if note != "" {
			note += ". "
		}
		verb := " name"
		if waiting == 1 {
			verb = " names"
		}
		note += count(waiting, "interface") + verb + " groups of this file: what they let through is unknown"
	}
	return note
}

// close finds the kinds of which everything is seen.
func (b *builder) close() {
	// The map is never empty, so that an export which closes nothing is not
	// taken for a Terraform root.
	b.net.Closed[ir.Scope{}] = true
	open := map[ir.Scope]bool{}
	for i, l := range b.reader.listings {
		b.listHomes = append(b.listHomes, b.listHome(l))
		if l.list.closes == ir.KindInvalid {
			continue
		}
		home := b.listHomes[i]
		s := ir.Scope{Kind: l.list.closes, Account: home.Account, Region: home.Region}
		if l.whole {
			b.net.Closed[s] = true
		} else {
			open[s] = true
		}
	}
	for s := range b.net.Closed {
		if s.Kind == ir.KindInvalid {
			continue
		}
		if open[s] || b.failed(s.Kind, ir.Home{Account: s.Account, Region: s.Region}) >= 0 {
			delete(b.net.Closed, s)
		}
	}
}

// listHome is the home whose objects a list shows.
func (b *builder) listHome(l listing) ir.Home {
	home := b.homes.from(l.hint)
	if home.Region != "" {
		return home
	}
	regions := one{}
	for item := range l.value.items() {
		if at := cmp.Or(region(item), b.homes.regions[vpcID(item)]); at != "" {
			regions.add(at)
		}
	}
	if regions.n == 1 {
		home.Region = regions.v
	}
	return home
}

// failed finds a file that could not be read and may have held objects of a
// kind, -1 if there is none. A file of which nothing is known may have held
// anything.
func (b *builder) failed(k ir.Kind, home ir.Home) int {
	s := ir.Scope{Kind: k, Account: home.Account, Region: home.Region}
	if i, ok := b.failedOf[s]; ok {
		return i
	}
	b.failedOf[s] = -1
	for i, f := range b.reader.failures {
		if k != ir.KindInvalid && (f.list == nil || f.list.closes == k) && compatible(b.homes.from(f.hint), home) {
			b.failedOf[s] = i
			break
		}
	}
	return b.failedOf[s]
}

// missing says why an object that something refers to is not known.
func (b *builder) missing(k ir.Kind, id string, home ir.Home, ref value) *ir.Unknown {
	c := diag.Cause{Code: diag.NotInInput, Message: id + " is not in the input", Address: id, Range: ref.place()}
	if i := b.failed(k, home); i >= 0 && b.reader.failures[i].list != nil {
		c.Message = id + " is not in the input: " + b.reader.failures[i].file + " could not be read"
		c.Range = b.reader.reading[b.reader.failures[i].at].Range
	} else if cut := b.cut(k, home); cut != nil {
		c.Code = diag.Truncated
		c.Message = id + " is not in the input: the list is cut"
		c.Range = cut.cut.place()
	}
	return &ir.Unknown{Term: id, Cause: c}
}

// cut finds a list of a kind that goes on elsewhere.
func (b *builder) cut(k ir.Kind, home ir.Home) *listing {
	s := ir.Scope{Kind: k, Account: home.Account, Region: home.Region}
	at, ok := b.cutOf[s]
	if !ok {
		at = -1
		for i, l := range b.reader.listings {
			if k != ir.KindInvalid && l.list.closes == k && l.cut.ok() && compatible(b.listHomes[i], home) {
				at = i
				break
			}
		}
		b.cutOf[s] = at
	}
	if at < 0 {
		return nil
	}
	return &b.reader.listings[at]
}

// unseen says why something is not known that a kind of object would tell.
func (b *builder) unseen(k ir.Kind, home ir.Home, what, term string) *ir.Unknown {
	u := b.missing(k, what, home, value{})
	u.Term = term
	return u
}

// note records a diagnostic about reading, once.
func (b *builder) note(d diag.Diagnostic) { b.notes = append(b.notes, d) }

// noteOnce records a diagnostic unless one with the same key was recorded.
func (b *builder) noteOnce(key string, d diag.Diagnostic) {
	if !b.noted[key] {
		b.noted[key] = true
		b.note(d)
	}
}

// invalid reports a value that AWS would refuse, and returns it as an unknown.
func (b *builder) invalid(v value, address, message, note, fix string) *ir.Unknown {
	c := diag.Cause{Code: diag.NotValid, Message: message, Address: address, Range: v.place()}
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: "invalid-value", Message: message, Label: "AWS would refuse this", Note: note, Fix: fix, Address: address, Range: c.Range, Cause: c,
	})
	return &ir.Unknown{Term: address + " at " + c.Range.String() + ": " + message, Cause: c}
}

// omit records a part of the input that the model leaves out.
func (b *builder) omit(address string, v value, message string) {
	b.net.NotAnalysed = append(b.net.NotAnalysed, ir.Omission{
		Address: address, Cause: diag.Cause{Code: diag.NotModelled, Message: message, Address: address, Range: v.place()},
	})
}

// tags reads tags in all their forms: a list of keys and values, an object.
func tags(o *object) map[string]string {
	t := o.get("Tags", "TagSet", "TagList")
	var m map[string]string
	put := func(k, v string) {
		if k == "" {
			return
		}
		if m == nil {
			m = map[string]string{}
		}
		m[k] = v
	}
	for item := range t.items() {
		put(item.get("Key").str(), item.get("Value").str())
	}
	for k, v := range t.members() {
		if v.kind() == stringValue {
			put(strings.Clone(k), v.str())
		}
	}
	return m
}

// ended reports whether an object is gone or on its way: what remains of it in
// a list for an hour passes no packets.
func ended(state string) bool {
	switch strings.ToLower(state) {
	case "deleted", "deleting", "failed", "rejected", "expired", "terminated", "terminating", "rejecting":
		return true
	}
	return false
}
