package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

var unknownValue = &Rule{
	ID: "unknown-value", Title: "Verdicts wait for a value", Severity: diag.Info, Local: true,
	Doc: Doc{
		What: "A value that the input does not hold and that rules, entries, routes or the groups of an interface depend on: a variable without a value, the result of a data source, something that AWS decides at apply. One finding for each such value, with how much waits for it.",
		Why:  "What depends on it is neither called open nor closed: verdicts about it are unknown, and no exposure is reported on its account.",
		Fix:  "Give the value: -var NAME=VALUE or --var-file FILE for a variable, --with PATH for what another root, a state or an export knows, --data FILE for what a data source finds, or check the plan, in which data sources have been read.",
		Bad: `variable "office_cidr" {
  type = string
}

resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.office_cidr]
  }
}
`,
		Good: `variable "office_cidr" {
  type    = string
  default = "198.51.100.0/24"
}

resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.office_cidr]
  }
}
`,
	},
	Run: unknownValues,
}

// unknownValues reports one finding for each value that something waits for.
func unknownValues(p *Pass) error {
	type key struct{ name, message string }
	left := omissionsOf(p.Net)
	at := map[key]int{}
	var causes [][]waiting
	for _, w := range gaps(p.Net) {
		c := w.why.Cause
		if c.Code == diag.NotValid || left.has(c) {
			continue // reported as what it is
		}
		k := key{name: c.Address}
		if k.name == "" {
			k = key{w.why.Term, c.Message}
		}
		i, ok := at[k]
		if !ok {
			i = len(causes)
			at[k] = i
			causes = append(causes, nil)
		}
		causes[i] = append(causes[i], w)
	}
	carriers := carriersOf(p.Net)
	for _, ws := range causes {
		slices.SortStableFunc(ws, func(a, b waiting) int {
			return cmp.Or(a.place.Compare(b.place), cmp.Compare(a.address, b.address))
		})
		p.Report(unknownFinding(ws, carriers))
	}
	return nil
}

// carriersOf lists what surely carries each group, by name and without
// repetition.
func carriersOf(n *ir.Network) map[*ir.SecurityGroup][]string {
	carriers := map[*ir.SecurityGroup][]string{}
	for _, i := range n.Interfaces {
		for _, g := range i.Groups.Sure {
			if name := interfaceName(i); !slices.Contains(carriers[g], name) && len(carriers[g]) < 2 {
				carriers[g] = append(carriers[g], name)
			}
		}
	}
	return carriers
}

func unknownFinding(ws []waiting, carriers map[*ir.SecurityGroup][]string) diag.Finding {
	first := ws[0]
	c := first.why.Cause
	f := diag.Finding{
		Place:   diag.Place{Address: first.address, Message: c.Message, Range: first.place},
		Because: []diag.Cause{c},
		Fix:     diag.Fix{Text: remedy(c, first.attribute)},
		Key:     firstOf(c.Address, first.why.Term, c.Message),
	}
	things := thingsOf(ws)
	if len(things) == 1 {
		f.Message = fmt.Sprintf("cannot tell %s: %s", question(first, carriers), c.Message)
		f.Place.Message = declared(c)
		f.Why = couldOpen(ws)
		return f
	}
	f.Message = fmt.Sprintf("%s: %s", waitWords(ws), c.Message)
	f.Why = couldOpen(ws)
	if !c.Range.IsZero() {
		f.Place = diag.Place{Address: firstOf(c.Address, first.address), Message: waitWords(ws), Range: c.Range}
	}
	for _, w := range things[:min(len(things), mostRelated)] {
		f.Related = append(f.Related, diag.Place{Address: w.address, Message: w.words(), Range: w.place})
	}
	return f
}

// declared is what to write under the caret of the attribute that waits.
func declared(c diag.Cause) string {
	if c.Code == diag.NoValue && !c.Range.IsZero() {
		return fmt.Sprintf("declared at %s, no default, not in a tfvars file", c.Range.Line())
	}
	return c.Message
}

// thing is what waits, whatever the number of its attributes that do.
func (w waiting) thing() any {
	switch {
	case w.rule != nil:
		return w.rule
	case w.entry != nil:
		return w.entry
	case w.route != nil:
		return w.route
	case w.iface != nil:
		return w.iface
	case w.group != nil:
		return w.group
	case w.acl != nil:
		return w.acl
	}
	return w.address
}

// thingsOf keeps the first gap of each thing.
func thingsOf(ws []waiting) []waiting {
	seen := map[any]bool{}
	var things []waiting
	for _, w := range ws {
		if t := w.thing(); !seen[t] {
			seen[t] = true
			things = append(things, w)
		}
	}
	return things
}

// words says what waits: "tcp/22 from var.office_cidr".
func (w waiting) words() string {
	switch {
	case w.rule != nil:
		return matchWords(&w.rule.Match, w.egress)
	case w.entry != nil:
		return entryName(w.entry) + ", " + matchWords(&w.entry.Match, w.egress)
	}
	return "its " + w.attribute
}

// waitWords counts what waits: "12 rules and 2 routes wait for a value".
func waitWords(ws []waiting) string {
	var rules, entries, routes, members, others int
	things := thingsOf(ws)
	for _, w := range things {
		switch {
		case w.rule != nil:
			rules++
		case w.entry != nil:
			entries++
		case w.route != nil:
			routes++
		case w.iface != nil:
			members++
		default:
			others++
		}
	}
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, count(n, one, many))
		}
	}
	add(rules, "rule", "rules")
	add(entries, "ACL entry", "ACL entries")
	add(routes, "route", "routes")
	add(members, "interface", "interfaces")
	add(others, "list", "lists")
	verb := "wait"
	if len(things) == 1 {
		verb = "waits"
	}
	return listWords(parts, 4) + " " + verb + " for a value"
}

// question says what one thing that waits leaves open.
func question(w waiting, carriers map[*ir.SecurityGroup][]string) string {
	switch {
	case w.rule != nil:
		return ruleQuestion(w, carriers)
	case w.entry != nil:
		return fmt.Sprintf("what %s of %s does, for want of its %s", entryName(w.entry), aclName(w.acl), attributeWord(w.attribute))
	case w.route != nil && w.attribute == "target":
		return "where a route of " + w.address + " leads"
	case w.route != nil:
		return "what a route of " + w.address + " is for"
	case w.iface != nil:
		return "which security groups " + interfaceName(w.iface) + " carries"
	case w.group != nil:
		what := "what else "
		if len(w.group.Ingress)+len(w.group.Egress) == 0 {
			what = "what "
		}
		return what + groupName(w.group) + " lets through"
	case w.acl != nil:
		return "which other entries " + aclName(w.acl) + " has"
	}
	return "which other routes " + w.address + " has"
}

func ruleQuestion(w waiting, carriers map[*ir.SecurityGroup][]string) string {
	who := groupName(w.group)
	if c := carriers[w.group]; len(c) == 1 {
		who = c[0]
	}
	peer := peerWords(&w.rule.Peer)
	switch w.attribute {
	case "peer", "prefix list":
		if w.egress {
			return fmt.Sprintf("where %s may %s", who, sendWords(&w.rule.Match, ""))
		}
		return "who may " + sendWords(&w.rule.Match, " to "+who)
	case "exists":
		return fmt.Sprintf("whether %s lets through %s", who, matchWords(&w.rule.Match, w.egress))
	}
	if w.egress {
		return fmt.Sprintf("what %s may send to %s", who, peer)
	}
	return fmt.Sprintf("what %s may send to %s", peer, who)
}

// sendWords is the verb for what a match lets through: "ssh to x", "send
// tcp/8080 to x".
func sendWords(m *ir.Match, to string) string {
	if m.Protocol.Known() && m.Protocol.V == packet.TCP && m.Ports.Known() {
		switch m.Ports.V {
		case ir.Ports{Lo: 22, Hi: 22}:
			return "ssh" + to
		case ir.Ports{Lo: 3389, Hi: 3389}:
			return "rdp" + to
		}
	}
	return "send " + serviceWords(m) + to
}

func attributeWord(attribute string) string {
	if attribute == "exists" {
		return "existence"
	}
	return attribute
}

// couldOpen says what ingress rules that wait could open at worst.
func couldOpen(ws []waiting) string {
	var services []string
	for _, w := range thingsOf(ws) {
		if w.rule == nil || w.egress || w.rule.Peer.Unknown == nil {
			continue
		}
		if s := serviceWords(&w.rule.Match); !slices.Contains(services, s) {
			services = append(services, s)
		}
	}
	if len(services) == 0 {
		return "verdicts that depend on it are unknown"
	}
	slices.Sort(services)
	return "it could open " + listWords(services, 5) + " to anyone"
}

// remedyOfData says how to make known what a data source finds.
func remedyOfData(address string) string {
	_, local, _ := strings.Cut(address, "data.")
	typ, rest, _ := strings.Cut(local, ".")
	name, _, _ := strings.Cut(rest, ".")
	name, _, _ = strings.Cut(name, "[")
	switch {
	case typ == "terraform_remote_state" && name != "":
		return fmt.Sprintf("postern check --with %s=PATH, the root module that keeps this state, the state itself, or a plan", name)
	case name != "":
		return fmt.Sprintf("postern check --data FILE, which says what data.%s.%s finds; or check the plan, in which it has been read", typ, name)
	}
	return "check the plan instead: data sources have been read there"
}

// remedy says how to make a value known.
func remedy(c diag.Cause, attribute string) string {
	switch c.Code {
	case diag.NoValue:
		if name, ok := strings.CutPrefix(c.Address, "var."); ok {
			placeholder := "VALUE"
			if attribute == "peer" {
				placeholder = "CIDR"
			}
			return fmt.Sprintf("postern check -var %s=%s    (or --var-file FILE, or check the plan instead)", name, placeholder)
		}
		if c.Address == "terraform.workspace" {
			return "postern check --workspace NAME, one root module at a time"
		}
		return "give it a value, or check the plan instead"
	case diag.DataSource:
		return remedyOfData(c.Address)
	case diag.Computed:
		return "check the state, or an export, after the apply"
	case diag.NotInstalled:
		return "terraform init, then check again"
	case diag.Sensitive:
		return "check the configuration instead of the plan, with the value given by --var-file"
	case diag.Function:
		return "check the plan instead: terraform has called the function there"
	case diag.Truncated:
		return "export it again with all pages"
	case diag.NotInInput:
		return "postern check --with PATH, a state, plan or export that holds it"
	case diag.Limit, diag.NotModelled, diag.NotValid:
	}
	return "nothing to pass: verdicts that depend on it stay unknown"
}
