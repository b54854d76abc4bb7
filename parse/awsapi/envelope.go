package awsapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// envelope takes off what an export is wrapped in and keeps what it finds until
// it is clear that the file is an export at all.
type envelope struct {
	reader  *Reader
	doc     *document
	claimed bool
	kinds   []string

	records   []record
	listings  []listing
	omissions []ir.Omission
	problems  diag.List
	notes     diag.List // about the file
	refusals  diag.List // the file is an error message
	caller    string    // the account that sts get-caller-identity names
	depth     int
}

// scope is what is known about a value from around it.
type scope struct {
	hint
	whole bool // an untruncated list here holds everything of its kind
	deep  bool // below a member that no table knows
	of    string
}

// maxEnvelopes bounds how deep lists are looked for.
const maxEnvelopes = 8

func (e *envelope) commit() {
	r := e.reader
	r.records = append(r.records, e.records...)
	r.listings = append(r.listings, e.listings...)
	r.omissions = append(r.omissions, e.omissions...)
	r.problems = append(r.problems, e.problems...)
	r.reading = append(r.reading, e.notes...)
	if e.caller != "" {
		r.callers[hintOf(e.doc.file).account] = e.caller
	}
	for _, d := range e.refusals {
		r.fail(d, nil, hintOf(e.doc.file))
	}
}

// claim notes that the file is an export.
func (e *envelope) claim(kind string) {
	e.claimed = true
	const enough = 20
	if len(e.kinds) < enough && !slices.Contains(e.kinds, kind) {
		e.kinds = append(e.kinds, kind)
	}
}

// open looks into a value that may be an envelope, a document or an object.
func (e *envelope) open(v value, s scope) {
	if e.depth++; e.depth > maxEnvelopes {
		e.depth--
		return
	}
	defer func() { e.depth-- }()
	switch {
	case v.isArray():
		for item := range v.items() {
			if item.isObject() || item.isArray() {
				e.open(item, s)
			}
		}
	case v.isObject():
		e.openObject(v, s)
	}
}

func (e *envelope) openObject(v value, s scope) {
	for name := range v.members() {
		if isForeign(name) {
			return
		}
	}
	switch {
	case v.get("status_code").ok() && v.get("data").isObject():
		e.recording(v.get("data"), s)
	case v.at("Error", "Code").kind() == stringValue && v.at("Error", "Message").ok():
		e.refusal(v)
	case e.openConfig(v, s):
	default:
		if l := bareBy(func(name string) bool { return v.get(name).ok() }); l != nil {
			s.whole = false
			e.element(l, v, s, true)
			return
		}
		e.document(v, s)
	}
}

// recording opens a placebo recording: {"status_code": 200, "data": {...}}. It
// may be of a call that changes something, whose refusal hides nothing.
func (e *envelope) recording(data value, s scope) {
	if data.get("ResponseMetadata").ok() {
		e.claimed = true
	}
	if code := data.at("Error", "Code"); code.ok() {
		e.claim("error")
		e.notes = append(e.notes, diag.Diagnostic{
			Message: "this is the recording of a call that was refused: " + strconv.Quote(code.text()), Range: code.place(),
			Note: "there is nothing in it to analyse",
		})
		return
	}
	e.open(data, s)
}

// refusal records an answer that is an error.
func (e *envelope) refusal(v value) {
	code := v.at("Error", "Code")
	e.claim("error")
	e.refusals = append(e.refusals, refused(diag.Diagnostic{Error: true, Range: code.place()}, code.text(), ""))
}

// document reads the members of an object as lists of AWS calls.
func (e *envelope) document(v value, s scope) {
	cut := truncation(v)
	if a := v.get("Account"); accountName.MatchString(a.peek()) && v.get("Arn").ok() && v.get("UserId").ok() {
		e.claim("caller identity")
		e.caller = a.str()
		return
	}
	if id := v.first("PrefixListId", "TransitGatewayRouteTableId", "TargetGroupArn"); id.ok() {
		s.of = id.str()
	}
	s = s.within(v)
	for name, m := range v.members() {
		e.member(name, m, cut, s)
	}
}

func (e *envelope) member(name string, m value, cut value, s scope) {
	l, ok := listOf(name)
	switch {
	case ok && m.isArray() && l.fits(name, m):
		e.list(l, m, cut, s)
		return
	case ok && l.single == l.name && m.isObject():
		e.element(l, m, s, false)
		return
	case ok && m.get("Items").isArray(): // as CloudFront writes lists
		e.list(l, m.get("Items"), truncation(m), s)
		return
	}
	if isIrrelevant(name) {
		if m.isArray() && !ambiguous(name) {
			e.claim(name)
		}
		return
	}
	if message, ok := notModelledBecause(name); ok && m.isArray() {
		if !ambiguous(name) {
			e.claim(name)
		}
		e.omit(name, m, message)
		return
	}
	if l, ok := singleOf(name); ok && m.isObject() && (l.id == "" || m.get(l.id).ok()) {
		s.whole = false
		e.element(l, m, s, true)
		return
	}
	switch {
	case m.isArray() && isObjects(m):
		e.unknownList(name, m, s)
	case m.isObject(), m.isArray() && hasContainers(m):
		e.open(m, s.named(name))
	}
}

// list records the elements of a list.
func (e *envelope) list(l *list, m value, cut value, s scope) {
	if !ambiguous(l.name) || m.len() > 0 || s.of != "" {
		e.claim(l.name)
	}
	s.whole = s.whole && !cut.ok()
	e.listings = append(e.listings, listing{list: l, value: m, hint: s.hint, whole: s.whole, cut: cut})
	if cut.ok() {
		d := cutList(l, cut)
		e.problems = append(e.problems, d)
		e.omissions = append(e.omissions, ir.Omission{Address: l.name, Cause: d.Cause})
	}
	if l.asOne() {
		e.element(l, m, s, !s.whole)
		return
	}
	for item := range m.items() {
		if !item.isObject() {
			e.omit(l.name, item, "expected "+article(l.noun)+" here, found "+item.text())
			continue
		}
		e.element(l, item, s, false)
	}
}

// element records one object; a reservation's instances, and an instance's
// interfaces, are objects of their own.
func (e *envelope) element(l *list, v value, s scope, partial bool) {
	e.claim(l.name)
	e.records = append(e.records, record{list: l, value: v, hint: s.hint, partial: partial, of: s.of})
	switch l.kind {
	case recordReservation:
		instances, _ := listOf("Instances")
		s = s.within(v)
		for i := range v.get("Instances").items() {
			e.element(instances, i, s, partial)
		}
	case recordInstance:
		interfaces, _ := listOf("NetworkInterfaces")
		for i := range v.get("NetworkInterfaces").items() {
			if i.get("NetworkInterfaceId").ok() {
				e.records = append(e.records, record{list: interfaces, value: i, hint: s.hint, partial: true, parent: v})
			}
		}
	}
}

// unknownList takes a list that no table names: objects that carry groups
// become interfaces, the rest is one omission.
func (e *envelope) unknownList(name string, m value, s scope) {
	n, carriers := 0, 0
	for item := range m.items() {
		if l := bareBy(func(name string) bool { return item.get(name).ok() }); l != nil {
			e.element(l, item, s, true)
			continue
		}
		n++
		if carriesGroups(item) {
			carriers++
			e.records = append(e.records, record{list: &unknownService, value: item, hint: s.hint})
		} else if !s.deep && looksLikeAWS(item) {
			e.claim(name)
		}
	}
	if carriers > 0 {
		e.claim(name)
	}
	if n > carriers && !e.descend(m, s.named(name)) && !s.deep {
		e.omit(name, m, fmt.Sprintf("%s (%d): postern does not know this list", name, n-carriers))
	}
}

var awsID = regexp.MustCompile(`^[a-z]+(-[a-z]+)*-([0-9a-f]{8}|[0-9a-f]{17})$`)

// looksLikeAWS recognises an element of a list that no table names, by an ARN
// or an id.
func looksLikeAWS(item value) bool {
	for name, m := range item.members() {
		if s := m.peek(); strings.HasPrefix(s, "arn:aws") || strings.HasSuffix(name, "Id") && awsID.MatchString(s) {
			return true
		}
	}
	return false
}

// descend looks for documents inside the elements of a list, and reports
// whether it found any.
func (e *envelope) descend(m value, s scope) bool {
	before := len(e.records) + len(e.listings)
	e.open(m, s)
	return len(e.records)+len(e.listings) > before
}

func (e *envelope) omit(name string, v value, message string) {
	if v.isArray() && v.len() == 0 {
		return
	}
	e.omissions = append(e.omissions, ir.Omission{
		Address: name, Cause: diag.Cause{Code: diag.NotModelled, Message: message, Address: name, Range: v.place()},
	})
}

// truncation returns the member that says that a list goes on elsewhere.
func truncation(v value) value {
	for _, name := range []string{"NextToken", "NextMarker", "Marker"} {
		if t := v.get(name); t.kind() == stringValue && t.peek() != "" {
			return t
		}
	}
	for _, name := range []string{"AdditionalRoutesAvailable", "IsTruncated"} {
		if t := v.get(name); t.yes() {
			return t
		}
	}
	return value{}
}

func cutList(l *list, cut value) diag.Diagnostic {
	how, message, fix := "a NextToken", "the list is cut", "run the command without --max-items and --no-paginate"
	switch {
	case cut.kind() == boolValue && l.kind == recordTransitRoutes:
		how, fix = "AdditionalRoutesAvailable", "search with narrower filters, and give all the answers"
	case cut.kind() == boolValue:
		how = "more to come"
	}
	message += ": it ends with " + how
	return diag.Diagnostic{
		Rule: "not-analysed", Message: message, Fix: fix, Range: cut.place(), Address: l.name,
		Note:  article(l.noun) + " that is missing here is unknown, never absent",
		Cause: diag.Cause{Code: diag.Truncated, Message: message, Address: l.name, Range: cut.place()},
	}
}

// fits looks at the elements of lists with names that others use too.
func (l *list) fits(name string, m value) bool {
	want := []string(nil)
	switch l.kind {
	case recordPrefixEntries:
		want = []string{"Cidr"}
	case recordTransitRoutes:
		want = []string{"TransitGatewayAttachments", "Type"}
	case recordTransitAssociations, recordTransitPropagations:
		want = []string{"TransitGatewayAttachmentId"}
	case recordListenerRule:
		want = []string{"RuleArn"}
	case recordTargetHealth:
		want = []string{"Target"}
	case recordTargetAttributes:
		return slices.ContainsFunc(slices.Collect(m.items()), func(a value) bool { return a.get("Key").peek() == preserveKey })
	}
	for item := range m.items() {
		if !item.isObject() {
			return l.kind != recordGroup && l.kind != recordSubnet && l.kind != recordService && want == nil
		}
		if want != nil {
			return item.first(want...).ok()
		}
		if l.id != "" && ambiguous(name) && !item.get(l.id).ok() {
			return l.kind == recordAddress && item.get("PublicIp").ok()
		}
		return true
	}
	return true
}

func isObjects(m value) bool {
	for item := range m.items() {
		return item.isObject()
	}
	return false
}

func hasContainers(m value) bool {
	for item := range m.items() {
		if item.isObject() || item.isArray() {
			return true
		}
	}
	return false
}

// bareBy finds the list that an object without a wrapper belongs to (the
// output of --query), by the members that it has.
func bareBy(has func(name string) bool) *list {
	for _, b := range []struct {
		list string
		all  []string
	}{
		{"SecurityGroupRules", []string{"SecurityGroupRuleId", "GroupId", "IsEgress"}},
		{"SecurityGroups", []string{"GroupId", "IpPermissions"}},
		{"SecurityGroups", []string{"GroupId", "IpPermissionsEgress"}},
		{"NetworkAcls", []string{"NetworkAclId", "Entries"}},
		{"RouteTables", []string{"RouteTableId", "Routes"}},
		{"Reservations", []string{"ReservationId", "Instances"}},
		{"Instances", []string{"InstanceId", "ImageId"}},
		{"NetworkInterfaces", []string{"NetworkInterfaceId", "SubnetId"}},
		{"Subnets", []string{"SubnetId", "CidrBlock"}},
		{"NatGateways", []string{"NatGatewayId", "NatGatewayAddresses"}},
		{"VpcEndpoints", []string{"VpcEndpointId", "VpcEndpointType"}},
		{"VpcPeeringConnections", []string{"VpcPeeringConnectionId", "RequesterVpcInfo"}},
		{"InternetGateways", []string{"InternetGatewayId", "Attachments"}},
		{"EgressOnlyInternetGateways", []string{"EgressOnlyInternetGatewayId", "Attachments"}},
		{"TransitGatewayVpcAttachments", []string{"TransitGatewayAttachmentId", "TransitGatewayId"}},
		{"TransitGateways", []string{"TransitGatewayId", "Options"}},
		{"PrefixLists", []string{"PrefixListId", "PrefixListName"}},
		{"LoadBalancers", []string{"LoadBalancerArn", "Scheme"}},
		{"Listeners", []string{"ListenerArn", "DefaultActions"}},
		{"ServiceNetworkVpcAssociations", []string{"ServiceNetworkArn", "VpcId"}},
		{"Rules", []string{"RuleArn", "Actions"}},
		{"TargetGroups", []string{"TargetGroupArn", "HealthCheckProtocol"}},
		{"DBInstances", []string{"DBInstanceIdentifier", "VpcSecurityGroups"}},
		{"Vpcs", []string{"VpcId", "CidrBlock", "DhcpOptionsId"}},
	} {
		all := true
		for _, name := range b.all {
			all = all && has(name)
		}
		if all {
			l, _ := listOf(b.list)
			return l
		}
	}
	return nil
}
