package rules

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var naclDenyIneffective = &Rule{
	ID: "nacl-deny-ineffective", Title: "A network ACL deny that stops nothing", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "A deny entry of a network ACL of which every packet is matched by entries with lower numbers, by one or by several together, and which those let through, wholly or in part. A deny that is covered in part is how ACLs are written, and is not reported.",
		Why:  "A network ACL stops at its first match, in ascending order of rule numbers. The author of the entry meant to keep packets out, and they get through.",
		Fix:  "Give the deny a number below the entries that cover it, or remove it if they are right.",
		Bad: `resource "aws_network_acl" "data" {
  vpc_id = aws_vpc.main.id

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 1024
    to_port    = 65535
    cidr_block = "0.0.0.0/0"
  }
  ingress {
    rule_no    = 110
    action     = "deny"
    protocol   = "tcp"
    from_port  = 5432
    to_port    = 5432
    cidr_block = "0.0.0.0/0"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
		Good: `resource "aws_network_acl" "data" {
  vpc_id = aws_vpc.main.id

  ingress {
    rule_no    = 95
    action     = "deny"
    protocol   = "tcp"
    from_port  = 5432
    to_port    = 5432
    cidr_block = "0.0.0.0/0"
  }
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 1024
    to_port    = 65535
    cidr_block = "0.0.0.0/0"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
	},
	Run: func(p *Pass) error { return ineffective(p, false) },
}

var naclAllowIneffective = &Rule{
	ID: "nacl-allow-ineffective", Title: "A network ACL allow that lets nothing through", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "An allow entry of a network ACL of which every packet is matched by entries with lower numbers, and which those deny, wholly or in part.",
		Why:  "A network ACL stops at its first match, in ascending order of rule numbers. What the author of the entry wanted never happens: connections time out, and nothing says why.",
		Fix:  "Give the allow a number below the entries that cover it, or remove it if they are right.",
		Bad: `resource "aws_network_acl" "web" {
  vpc_id = aws_vpc.main.id

  ingress {
    rule_no    = 100
    action     = "deny"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "10.0.0.0/8"
  }
  ingress {
    rule_no    = 200
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.1.0/24"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
		Good: `resource "aws_network_acl" "web" {
  vpc_id = aws_vpc.main.id

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.1.0/24"
  }
  ingress {
    rule_no    = 200
    action     = "deny"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "10.0.0.0/8"
  }
  ingress {
    rule_no    = 300
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "0.0.0.0/0"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
	},
	Run: func(p *Pass) error { return ineffective(p, true) },
}

// ineffective reports the entries of one action that are dead and thwarted.
func ineffective(p *Pass, allow bool) error {
	troubles := troublesOf(p.Net)
	return eachList(p.Context, p.Net, func(b aclBoth) error {
		taken := map[uint16]bool{} // numbers that repairs have asked for
		for i := range b[0].lines {
			e := b[0].lines[i].entry
			if !e.Allow.Known() || e.Allow.V != allow || troubles.at(&e.Origin) {
				continue
			}
			v, err := b.judge(i)
			if err != nil {
				return err
			}
			if v.fate != fateThwarted && v.fate != fatePerhaps {
				continue
			}
			cover, covers, err := b.certify(p.Context, i, v)
			if err != nil {
				if p.contradicted(e, err) {
					continue
				}
				return err
			}
			t := &thwarted{v, e, cover, covers}
			f := t.finding()
			if f.Fix, err = b.repair(i, t, taken); err != nil {
				return err
			}
			if v.fate == fatePerhaps {
				f.Because = orderCauses(v.list.acl, e, cover)
				p.Prove(f, Proof{Covers: covers})
				continue
			}
			if err := t.prove(p, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// thwarted is a dead entry that does not have its effect, with its cover.
type thwarted struct {
	verdict
	entry  *ir.Entry
	cover  []*ir.Entry
	covers []CoverProof
}

func (t *thwarted) finding() diag.Finding {
	e := t.entry
	f := diag.Finding{
		Certainty: diag.Definite,
		Message:   t.message(),
		Place: diag.Place{
			Address: e.Origin.Address,
			Message: fmt.Sprintf("%s, %s, is never reached", entryName(e), matchWords(&e.Match, e.Egress)),
			Range:   e.Origin.At(ir.FieldAction),
		},
		Why: "an ACL stops at its first match, in ascending order",
		Key: entryKey(e),
	}
	if t.fate == fatePerhaps {
		f.Certainty = diag.Possible
		f.Place.Message = fmt.Sprintf("%s, %s, may never be reached", entryName(e), matchWords(&e.Match, e.Egress))
	}
	f.Family = entryFamily(e)
	homeOf(&f, t.list.acl.Home, t.list.acl.VPC)
	f.Cover, f.Related = coverPlaces(e, t.cover)
	return f
}

func (t *thwarted) message() string {
	e := t.entry
	subject, effect := "this deny", "stops nothing"
	if e.Allow.V {
		subject, effect = "this allow", "lets nothing in"
		if e.Egress {
			effect = "lets nothing out"
		}
	}
	who, verb := entryNames(t.cover), "decide"
	if opposed := !slices.ContainsFunc(t.cover, func(c *ir.Entry) bool {
		return !c.Allow.Known() || c.Allow.V == e.Allow.V
	}); opposed && (t.wholly || t.fate == fatePerhaps) {
		verb = "allow"
		if e.Allow.V {
			verb = "deny"
		}
	}
	switch {
	case len(t.cover) > 1:
		who += " together"
	case verb == "deny":
		verb = "denies"
	default:
		verb += "s"
	}
	if t.fate == fatePerhaps {
		effect = "may " + map[bool]string{false: "stop nothing", true: "let nothing through"}[e.Allow.V]
		return fmt.Sprintf("%s %s: %s %s every packet it names, if it comes first", subject, effect, who, verb)
	}
	return fmt.Sprintf("%s %s: %s %s every packet it names first", subject, effect, who, verb)
}

// prove looks for a packet that the entry names and with which the
// opposite happens, one that concerns a subnet of the ACL where there is one.
func (t *thwarted) prove(p *Pass, f diag.Finding) error {
	l, e := t.list, t.entry
	local, owner := l.localTraffic(p.Net)
	h, found, err := l.space.Witness(t.wrong, local)
	if err == nil && !found {
		owner = ""
		h, found, err = l.space.Witness(t.wrong)
	}
	if err != nil {
		return err
	}
	if !found {
		return solver.ErrBudget // the set is not empty, or the entry would not be thwarted
	}
	w := &diag.Witness{Header: h, Representative: true}
	near, far := &w.DstOf, &w.SrcOf
	remote := h.Src
	way := "in"
	if l.egress {
		near, far, remote, way = &w.SrcOf, &w.DstOf, h.Dst, "out"
	}
	*near = owner
	if reach.Internet(h.Family()).Contains(remote) {
		*far = "internet"
	}
	f.Witness = w
	expected := trace.Allow
	if e.Allow.V {
		expected = trace.Deny
		f.Why += fmt.Sprintf("; the packet shown does not get %s, though this entry allows it", way)
	} else {
		f.Why += fmt.Sprintf("; the packet shown gets %s, though this entry denies it", way)
	}
	if more := l.behind(p.Net, e, t.wrong); more != "" {
		f.Why += "; " + more
	}
	p.Prove(f, Proof{ACL: &ACLProof{ACL: l.acl, Egress: l.egress, Header: h, Expect: expected}, Covers: t.covers})
	return nil
}

// localTraffic returns the packets of which the near end lies in a subnet of
// the ACL, and the name of the subnet; all packets when none is known.
func (l *aclList) localTraffic(n *ir.Network) (solver.Set, string) {
	f := l.space.Family()
	for _, s := range n.Subnets {
		acl, ok := s.ACL.Known()
		cidr := s.IPv4
		if f == packet.IPv6 {
			cidr = s.IPv6
		}
		if !ok || acl != l.acl || !cidr.Known() || !cidr.V.IsValid() {
			continue
		}
		view := reach.RequestView(!l.egress) // its peer is the near end
		m := ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: cidr.V}}
		return l.space.Of(reach.Boxes(f, view, m, reach.Hi, nil)...), subnetName(s)
	}
	return l.space.All(), ""
}

// coverPlaces points at the entries that cover another one.
func coverPlaces(e *ir.Entry, cover []*ir.Entry) (proof, related []diag.Place) {
	for _, c := range cover {
		says := fmt.Sprintf("%s %s", actionWord(c), matchWords(&c.Match, c.Egress))
		proof = append(proof, diag.Place{
			Address: c.Origin.Address, Message: entryName(c) + " " + says, Range: c.Origin.At(ir.FieldNumber),
		})
		own, wide := e.Ports, c.Ports
		if own.Known() && wide.Known() && own.V.Lo == own.V.Hi && own.V != wide.V && wide.V != ir.AllPorts && hasPorts(e) && hasPorts(c) {
			says += "; " + portWords(own.V) + " is in there"
		}
		related = append(related, diag.Place{Address: c.Origin.Address, Message: says, Range: c.Origin.At(ir.FieldNumber)})
	}
	return proof, related
}

func hasPorts(e *ir.Entry) bool {
	return e.Protocol.Known() && (e.Protocol.V == packet.TCP || e.Protocol.V == packet.UDP)
}

func actionWord(e *ir.Entry) string {
	switch {
	case !e.Allow.Known():
		return "decides"
	case e.Allow.V:
		return "allows"
	}
	return "denies"
}

func entryName(e *ir.Entry) string {
	if !e.Number.Known() {
		return "an entry of unknown number"
	}
	return "entry " + numberWord(e)
}

func numberWord(e *ir.Entry) string {
	if !e.Number.Known() {
		return "?"
	}
	return strconv.Itoa(int(e.Number.V))
}

// entryNames is "entry 100", or "entries 90, 95 and 100".
func entryNames(es []*ir.Entry) string {
	if len(es) == 1 {
		return entryName(es[0])
	}
	var numbers []string
	for _, e := range es {
		numbers = append(numbers, numberWord(e))
	}
	return "entries " + listWords(numbers, 6)
}

// entryKey tells the entries of an ACL apart in words of their own.
func entryKey(e *ir.Entry) string {
	action := "?"
	if e.Allow.Known() {
		action = map[bool]string{true: "allow", false: "deny"}[e.Allow.V]
	}
	return fmt.Sprintf("%s %s %s %s", direction(e.Egress), numberWord(e), action, matchWords(&e.Match, e.Egress))
}

// entryFamily is the family that an entry is about.
func entryFamily(e *ir.Entry) packet.Family {
	if e.Peer.CIDR.IsValid() {
		return packet.FamilyOfPrefix(e.Peer.CIDR)
	}
	return e.Peer.Family
}

// orderCauses lists what makes the order or the existence of entries unknown.
func orderCauses(acl *ir.NetworkACL, e *ir.Entry, cover []*ir.Entry) []diag.Cause {
	var causes []diag.Cause
	add := func(u *ir.Unknown) {
		if u != nil && !slices.Contains(causes, u.Cause) {
			causes = append(causes, u.Cause)
		}
	}
	add(acl.Open)
	add(e.Number.Why)
	for _, c := range cover {
		add(c.Number.Why)
		add(c.Maybe)
	}
	return causes
}
