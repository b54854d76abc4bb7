package plan_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/report"
)

// row is one source of a rule, or one entry of an ACL: what is compared. Empty
// fields are unknown, or do not apply.
type row struct {
	address, direction string
	acl                bool
	protocol, from, to string
	peer               []string // any of these is right
	number, action     string
}

func (r row) String() string {
	return fmt.Sprintf("%s %s %s %s-%s %v %s %s", r.address, r.direction, r.protocol, r.from, r.to, r.peer, r.number, r.action)
}

// protocolName writes protocols in one way.
func protocolName(v any) string {
	if v == nil {
		return ""
	}
	s := strings.ToLower(fmt.Sprint(v))
	names := map[string]string{"-1": "all", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "ipv6-icmp": "icmpv6"}
	if n, ok := names[s]; ok {
		return n
	}
	return s
}

func numberText(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.Itoa(int(v))
	case string:
		return v
	}
	return ""
}

// expectedDoc is what Terraform planned, in rows.
type expectedDoc struct {
	Rules []struct {
		Address, Owner, Direction, Kind string
		Protocol, From, To              any
		RuleNo                          any `json:"rule_no"`
		Action                          *string
		Source                          struct {
			Kind    string
			Value   *string
			Ref     any
			RefFrom string `json:"ref_from"`
		}
	}
}

// withoutKeys drops the indexes of an address. References of a configuration
// are without them: see exprs.references.
var withoutKeys = regexp.MustCompile(`\[[^\]]*\]`)

func expectedRows(t testing.TB, data []byte) []row {
	t.Helper()
	var doc expectedDoc
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	rows := make([]row, 0, len(doc.Rules))
	for _, r := range doc.Rules {
		w := row{address: r.Address, direction: r.Direction, acl: r.Kind == "nacl", protocol: protocolName(r.Protocol), number: numberText(r.RuleNo)}
		if icmp := w.protocol == "icmp" || w.protocol == "icmpv6"; w.protocol != "all" && (!w.acl || !icmp) {
			w.from, w.to = numberText(r.From), numberText(r.To)
		}
		if r.Action != nil {
			w.action = strings.ToLower(*r.Action)
		}
		if ref, ok := r.Source.Ref.(string); ok {
			w.peer = append(w.peer, strings.ToLower(ref))
		} else if refs, ok := r.Source.Ref.([]any); ok {
			w.peer = append(w.peer, strings.ToLower(fmt.Sprint(refs)))
		}
		if r.Source.Value != nil {
			w.peer = append(w.peer, strings.ToLower(*r.Source.Value))
		}
		if len(w.peer) == 0 && r.Source.Kind == "self" {
			w.peer = append(w.peer, strings.ToLower(r.Owner))
		}
		rows = append(rows, w)
	}
	return rows
}

type shown struct {
	Groups []struct {
		Rules []struct {
			Direction, Address string
			Protocol           *string
			From               any `json:"from_port"`
			To                 any `json:"to_port"`
			Peer               struct {
				CIDR  string
				Group string `json:"security_group"`
				List  string `json:"prefix_list"`
			}
		}
	} `json:"security_groups"`
	ACLs []struct {
		Entries []struct {
			Number           any
			Egress           bool
			Action, Protocol *string
			From             any `json:"from_port"`
			To               any `json:"to_port"`
			CIDR             string
			Address          string
		}
	} `json:"network_acls"`
}

// shownRows are the rows of what postern show prints of a network.
func shownRows(t testing.TB, n *ir.Network) []row {
	t.Helper()
	text, err := report.ShowJSON([]*ir.Network{n}, report.Coverage{}, true)
	if err != nil {
		t.Fatal(err)
	}
	var doc shown
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var rows []row
	peer := func(names ...string) []string {
		names = slices.DeleteFunc(names, func(s string) bool { return s == "" })
		for i := range names {
			names[i] = strings.ToLower(names[i])
		}
		return names
	}
	for _, g := range doc.Groups {
		for _, r := range g.Rules {
			w := row{address: r.Address, direction: r.Direction, peer: peer(r.Peer.CIDR, r.Peer.Group, r.Peer.List)}
			if r.Protocol != nil {
				w.protocol = *r.Protocol
			}
			if w.protocol != "all" {
				w.from, w.to = numberText(r.From), numberText(r.To)
			}
			rows = append(rows, w)
		}
	}
	for _, a := range doc.ACLs {
		for _, e := range a.Entries {
			w := row{address: e.Address, acl: true, direction: "ingress", number: numberText(e.Number), peer: peer(e.CIDR)}
			if e.Egress {
				w.direction = "egress"
			}
			if e.Protocol != nil {
				w.protocol = *e.Protocol
			}
			if w.protocol != "all" && w.protocol != "icmp" && w.protocol != "icmpv6" {
				w.from, w.to = numberText(e.From), numberText(e.To)
			}
			if e.Action != nil {
				w.action = *e.Action
			}
			rows = append(rows, w)
		}
	}
	return rows
}

// grade says how one of our rows stands to what was planned.
type grade uint8

const (
	contradicts grade = iota
	same
	sharper // we know what the plan does not
	vaguer  // the plan knows what we do not
)

func (want row) grade(have row) grade {
	if want.address != have.address || want.direction != have.direction || want.acl != have.acl {
		return contradicts
	}
	best := same
	pairs := [][2]string{{want.protocol, have.protocol}, {want.from, have.from}, {want.to, have.to}, {want.action, have.action}}
	if want.acl {
		pairs = append(pairs, [2]string{want.number, have.number})
	}
	if len(have.peer) > 0 && slices.ContainsFunc(want.peer, func(s string) bool {
		return s == have.peer[0] || s == withoutKeys.ReplaceAllString(have.peer[0], "")
	}) {
		pairs = append(pairs, [2]string{"same", "same"})
	} else {
		pairs = append(pairs, [2]string{strings.Join(want.peer, ","), strings.Join(have.peer, ",")})
	}
	for _, p := range pairs {
		switch {
		case p[0] == p[1]:
		case p[0] == "":
			if best == same {
				best = sharper
			}
		case p[1] == "":
			best = vaguer
		default:
			return contradicts
		}
	}
	return best
}

// verdict is the outcome of a comparison.
type verdict struct {
	count                     map[grade]int
	different, missing, extra []row
}

// compare matches rows, best grade first.
func compare(want, have []row) verdict {
	v := verdict{count: map[grade]int{}}
	for _, g := range []grade{same, sharper, vaguer} {
		var rest []row
		for _, w := range want {
			i := slices.IndexFunc(have, func(h row) bool { return w.grade(h) == g })
			if i < 0 {
				rest = append(rest, w)
				continue
			}
			have = slices.Delete(slices.Clone(have), i, i+1)
			v.count[g]++
		}
		want = rest
	}
	for _, w := range want {
		i := slices.IndexFunc(have, func(h row) bool { return h.address == w.address && h.direction == w.direction })
		if i < 0 {
			v.missing = append(v.missing, w)
			continue
		}
		v.different = append(v.different, w)
		have = slices.Delete(slices.Clone(have), i, i+1)
	}
	v.extra = have
	return v
}

func (v verdict) report(t *testing.T) {
	t.Helper()
	for what, rows := range map[string][]row{"different": v.different, "missing": v.missing, "extra": v.extra} {
		for _, r := range rows {
			t.Errorf("%s: %s", what, r)
		}
	}
}

// TestCompare: the comparison itself finds what is wrong.
func TestCompare(t *testing.T) {
	r := row{address: "a", direction: "ingress", protocol: "tcp", from: "1", to: "2", peer: []string{"10.0.0.0/8"}}
	with := func(f func(*row)) row { c := r; f(&c); return c }
	for name, c := range map[string]struct {
		have                      []row
		same, vaguer, sharper     int
		different, missing, extra int
	}{
		"same":      {have: []row{r}, same: 1},
		"vaguer":    {have: []row{with(func(r *row) { r.peer = nil })}, vaguer: 1},
		"different": {have: []row{with(func(r *row) { r.to = "3" })}, different: 1},
		"missing":   {missing: 1},
		"extra":     {have: []row{r, r}, same: 1, extra: 1},
		"elsewhere": {have: []row{with(func(r *row) { r.address = "b" })}, missing: 1, extra: 1},
	} {
		v := compare([]row{r}, c.have)
		if v.count[same] != c.same || v.count[vaguer] != c.vaguer || len(v.different) != c.different || len(v.missing) != c.missing || len(v.extra) != c.extra {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := compare([]row{with(func(r *row) { r.to = "" })}, []row{r}); v.count[sharper] != 1 {
		t.Errorf("sharper: %+v", v)
	}
}
