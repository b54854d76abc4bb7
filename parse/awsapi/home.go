package awsapi

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/postern-dev/postern/ir"
)

// hint is what a path, or a wrapper, tells about the account and Region.
type hint struct {
	account string // a number, or a name that some tools use for directories
	region  string
	id      string // of a prefix list or transit gateway route table, in the file name
}

var (
	regionName  = regexp.MustCompile(`^(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-isoe)(?:-[a-z]+)+-\d{1,2}$`)
	regionPart  = regexp.MustCompile(`(?:^|[^a-z0-9])((?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-\d)(?:$|[^a-z0-9])`)
	zoneName    = regexp.MustCompile(`^((?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-isoe)(?:-[a-z]+)+-\d{1,2})(?:[a-z]|-[a-z0-9-]+)$`)
	accountName = regexp.MustCompile(`^\d{12}$`)
	idInName    = regexp.MustCompile(`(?:^|[^a-z0-9])((?:pl|tgw-rtb)-[0-9a-z]+)`)
)

// hintOf reads a path: accounts/<account>/<region>/..., <account>/<region>/...,
// <region>/...; and an id in the base name.
func hintOf(file string) hint {
	var h hint
	parts := strings.Split(file, "/")
	for i, p := range parts[:len(parts)-1] {
		switch {
		case regionName.MatchString(p):
			h.region = p
		case accountName.MatchString(p), i > 0 && (parts[i-1] == "accounts" || parts[i-1] == "account-data"):
			h.account = p
		}
	}
	base := parts[len(parts)-1]
	if m := idInName.FindStringSubmatch(base); m != nil {
		h.id = m[1]
	}
	if m := regionPart.FindStringSubmatch(strings.ToLower(base)); m != nil && h.region == "" {
		h.region = m[1]
	}
	return h
}

// named is the scope of a member that is no list: {"us-east-1": {...}}.
func (s scope) named(name string) scope {
	switch {
	case regionName.MatchString(name):
		s.region = name
	case accountName.MatchString(name):
		s.account = name
	case strings.Contains(name, ":targetgroup/"):
		s.of = name
	case idInName.MatchString(name) && idInName.FindStringSubmatch(name)[1] == name:
		s.of = name
	default:
		s.whole, s.deep = false, true
	}
	return s
}

// within takes the Region and account that a wrapper names beside its lists.
func (s scope) within(v value) scope {
	if r := v.first("Region", "RegionName", "AwsRegion"); regionName.MatchString(r.peek()) {
		s.region = r.str()
	}
	if a := v.first("AccountId", "AwsAccountId", "Account", "OwnerId"); accountName.MatchString(a.peek()) {
		s.account = a.str()
	}
	return s
}

// owner is the account that an object says it belongs to.
func owner(v value) string {
	o := v.first("OwnerId", "GroupOwnerId", "VpcOwnerId", "AwsAccountId", "AccountId").str()
	switch {
	case o == "" || strings.HasPrefix(o, "amazon") || strings.EqualFold(o, "aws") || strings.HasPrefix(o, "aws-"):
		if arn := arnOf(v); arn != nil && accountName.MatchString(arn[4]) {
			return arn[4]
		}
		return ""
	}
	return o
}

// region is the Region that an object says it is in.
func region(v value) string {
	if r := v.first("Region", "AwsRegion").peek(); regionName.MatchString(r) {
		return r
	}
	if m := zoneName.FindStringSubmatch(v.get("AvailabilityZone").peek()); m != nil {
		return m[1]
	}
	if m := zoneName.FindStringSubmatch(v.at("Placement", "AvailabilityZone").peek()); m != nil {
		return m[1]
	}
	if arn := arnOf(v); arn != nil && regionName.MatchString(arn[3]) {
		return arn[3]
	}
	return ""
}

// arnOf splits the ARN of an object.
func arnOf(v value) []string {
	for name, m := range v.members() {
		if m.kind() != stringValue || len(name) < 3 || !strings.EqualFold(name[len(name)-3:], "arn") {
			continue
		}
		if parts := strings.SplitN(m.peek(), ":", 6); len(parts) == 6 && parts[0] == "arn" {
			return parts
		}
	}
	return nil
}

// homes finds the account and Region of every record.
type homes struct {
	accounts map[string]string // the hint's account -> the account's number
	regions  map[string]string // a VPC -> its Region
	account  string            // the only account, if there is one
	region   string            // the only Region, if there is one
}

// newHomes looks at all records. What a record does not say is taken from its
// directory, from others in its VPC, or, when the whole input shows only one
// account or Region, from there. callers are the accounts that
// sts get-caller-identity names, by the hint's account.
func newHomes(records []record, callers map[string]string) *homes {
	h := &homes{accounts: map[string]string{}, regions: map[string]string{}}
	seen := evidence{perHint: map[string]one{}, perVPC: map[string]one{}, groups: map[string]one{}}
	for _, r := range records {
		seen.take(r)
	}
	// Lists show what others share with an account as well; of groups, as good
	// as only its own.
	for name, o := range seen.perHint {
		switch {
		case accountName.MatchString(name):
			h.accounts[name] = name
		case callers[name] != "":
			h.accounts[name] = callers[name]
		case o.n == 1:
			h.accounts[name] = o.v
		case seen.groups[name].n == 1:
			h.accounts[name] = seen.groups[name].v
		case name != "":
			h.accounts[name] = name
		}
	}
	for name, account := range callers {
		h.accounts[name] = account
	}
	for vpc, o := range seen.perVPC {
		if o.n == 1 {
			h.regions[vpc] = o.v
		}
	}
	if seen.accounts.n == 1 {
		h.account = seen.accounts.v
	}
	if seen.regions.n == 1 {
		h.region = seen.regions.v
	}
	return h
}

// evidence is what all records together say about accounts and Regions.
type evidence struct {
	accounts, regions one
	perHint           map[string]one // owners, by the account of the path
	groups            map[string]one // owners of groups, by the account of the path
	perVPC            map[string]one // Regions
}

func (e *evidence) take(r record) {
	if r.hint.region != "" {
		e.regions.add(r.hint.region)
	}
	if !countsForHome(r) {
		return
	}
	if o := owner(r.value); o != "" {
		e.accounts.add(o)
		e.perHint[r.hint.account] = e.perHint[r.hint.account].with(o)
		if r.list.kind == recordGroup {
			e.groups[r.hint.account] = e.groups[r.hint.account].with(o)
		}
	} else if accountName.MatchString(r.hint.account) {
		e.accounts.add(r.hint.account)
	}
	if at := cmp.Or(r.hint.region, region(r.value)); at != "" {
		e.regions.add(at)
		if vpc := vpcID(r.value); vpc != "" {
			e.perVPC[vpc] = e.perVPC[vpc].with(at)
		}
	}
}

// countsForHome leaves out what belongs to other accounts by its nature.
func countsForHome(r record) bool {
	switch r.list.kind {
	case recordPrefixList, recordPeering, recordTransitAttachment, recordTransitGateway, recordStaleGroup, recordIndirect:
		return false
	}
	return true
}

func vpcID(v value) string { return v.first("VpcId", "VPCId").str() }

// of is the home of a record.
func (h *homes) of(r record) ir.Home {
	at := r.hint.region
	if at == "" {
		at = region(r.value)
	}
	if at == "" && r.parent.ok() {
		at = region(r.parent)
	}
	if at == "" {
		at = h.regions[vpcID(r.value)]
	}
	home := h.from(r.hint)
	if o := owner(r.value); o != "" {
		home.Account = o
	}
	if at != "" {
		home.Region = at
	}
	return home
}

// from is the home that a hint alone gives.
func (h *homes) from(t hint) ir.Home {
	home := ir.Home{Account: h.account, Region: h.region}
	if a, ok := h.accounts[t.account]; ok {
		home.Account = a
	} else if t.account != "" {
		home.Account = t.account
	}
	if t.region != "" {
		home.Region = t.region
	}
	return home
}

// one counts different values.
type one struct {
	v string
	n int // 2 stands for more
}

func (o *one) add(v string) { *o = o.with(v) }

func (o one) with(v string) one {
	switch {
	case o.n == 0:
		return one{v, 1}
	case o.v != v:
		return one{o.v, 2}
	}
	return o
}

// compatible reports whether two homes may be the same.
func compatible(a, b ir.Home) bool {
	return (a.Region == "" || b.Region == "" || a.Region == b.Region) &&
		(a.Account == "" || b.Account == "" || a.Account == b.Account)
}
