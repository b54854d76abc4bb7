package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver"
)

var naclEntryRedundant = &Rule{
	ID: "nacl-entry-redundant", Title: "A network ACL entry that changes nothing", Severity: diag.Low, Local: true,
	Doc: Doc{
		What: "An entry of a network ACL that can be removed without any packet noticing: entries before it already do the same with all of its packets, or entries after it, the implicit deny included, do the same with those that get there. All entries of an ACL that are reported can be removed together. A last entry that denies everything says what the implicit one says, and is left alone.",
		Why:  "An ACL holds 20 entries a direction and family, and every one of them must be read by whoever changes the next.",
		Fix:  "Remove the entry.",
		Bad: `resource "aws_network_acl" "web" {
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
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.0.0/16"
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
    action     = "deny"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.1.0/24"
  }
  ingress {
    rule_no    = 200
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.0.0/16"
  }
  ingress {
    rule_no    = 300
    action     = "deny"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
	},
	Run: func(p *Pass) error {
		troubles := troublesOf(p.Net)
		return eachList(p.Context, p.Net, func(b aclBoth) error { return redundantEntries(p, b, troubles) })
	},
}

// redundancy looks for entries of one list that can be removed together.
//
// Dead entries come first: all of them together can go, for what covers them
// is never dead itself. Then the list is walked from its end, and each entry is
// judged against what is left: those before it, and those after it that stay.
// Every removal leaves a list that does the same, so all of them do.
type redundancy struct {
	pass     *Pass
	both     aclBoth
	involved []*ir.Entry // entries that a finding of another rule is about, or rests on
	gone     []bool
}

func redundantEntries(p *Pass, b aclBoth, troubles *troubles) error {
	r := &redundancy{pass: p, both: b, gone: make([]bool, len(b[0].lines))}
	covers, proofs := make([][]*ir.Entry, len(r.gone)), make([][]CoverProof, len(r.gone))
	for i := range r.gone {
		e := b[0].lines[i].entry
		v, err := b.judge(i)
		if err != nil {
			return err
		}
		if v.fate > fateAbsent {
			if covers[i], proofs[i], err = b.certify(p.Context, i, v); err != nil && !p.contradicted(e, err) {
				return err
			}
		}
		if v.fate > fateTwin {
			r.involved = append(append(r.involved, e), covers[i]...)
			covers[i] = nil
		} else if troubles.at(&e.Origin) {
			r.involved = append(r.involved, e)
		}
	}
	for i, cover := range covers {
		if e := b[0].lines[i].entry; len(cover) > 0 && r.free(e, cover) {
			r.gone[i] = true
			r.report(e, cover, fmt.Sprintf("%s already %s every packet it names", entryNames(cover), verbFor(cover, e)), proofs[i])
		}
	}
	for _, l := range b {
		if err := r.walkBack(l); err != nil {
			return err
		}
	}
	return nil
}

// free reports whether neither an entry nor what its redundancy rests on has a
// finding of another rule: repairing that one may change this one.
func (r *redundancy) free(e *ir.Entry, cover []*ir.Entry) bool {
	return !slices.Contains(r.involved, e) &&
		!slices.ContainsFunc(cover, func(c *ir.Entry) bool { return slices.Contains(r.involved, c) })
}

// walkBack judges the entries of one family from the last to the first. must
// and may bound what the entries that stay, after the current one, let through;
// those of unknown number stand where they help least.
func (r *redundancy) walkBack(l *aclList) error {
	s := l.space
	must, may := solver.Empty, solver.Empty
	fearedFirst, hopedFirst := solver.Empty, solver.Empty
	for k := range l.lines {
		e := &l.lines[k]
		if e.numbered {
			continue
		}
		if e.allows() {
			must = s.Union(must, e.must)
		} else {
			fearedFirst = s.Union(fearedFirst, e.may)
		}
		if !e.denies() {
			hopedFirst = s.Union(hopedFirst, e.may)
		}
	}
	if l.acl.Open != nil {
		fearedFirst, hopedFirst = s.All(), s.All()
	}
	for i := len(l.lines) - 1; i >= 0; i-- {
		e := &l.lines[i]
		if r.gone[i] || !e.numbered || e.may == solver.Empty {
			continue
		}
		rest := s.Difference(e.may, l.before[i].covered)
		if rest == solver.Invalid {
			return solver.ErrBudget
		}
		if r.candidate(l, i) && rest != solver.Empty {
			same, err := s.Subset(rest, s.Difference(must, fearedFirst))
			if e.denies() {
				same, err = s.Disjoint(rest, s.Union(may, hopedFirst))
			}
			if err != nil {
				return err
			}
			if same {
				if err := r.remove(l, i, rest); err != nil {
					return err
				}
			}
			if r.gone[i] {
				continue
			}
		}
		switch {
		case e.allows():
			must, may = s.Union(must, e.must), s.Union(may, e.may)
		case e.denies():
			must, may = s.Difference(must, e.may), s.Difference(may, e.must)
		default:
			must, may = s.Difference(must, e.may), s.Union(may, e.may)
		}
	}
	return nil
}

// candidate reports whether line i may be reported at all. An entry that
// matches in both families would have to be redundant in both; none with a
// known peer does.
func (r *redundancy) candidate(l *aclList, i int) bool {
	e := &l.lines[i]
	for _, other := range r.both {
		if other != l && other.lines[i].may != solver.Empty {
			return false
		}
	}
	return e.entry.Allow.Known() && !l.isStyle(i)
}

// remove reports line i, of which the entries after it decide the rest the
// same way.
func (r *redundancy) remove(l *aclList, i int, rest solver.Set) error {
	e := &l.lines[i]
	cover, taken, err := r.later(l, i, rest)
	if err != nil {
		return err
	}
	if !r.free(e.entry, cover) {
		return nil
	}
	proofs, err := r.proofs(l, i)
	if err != nil {
		if r.pass.contradicted(e.entry, err) {
			return nil
		}
		return err
	}
	verb := "denies"
	if e.allows() {
		verb = "allows"
	}
	var message string
	switch implicit := taken != rest; {
	case len(cover) == 0:
		message = "the implicit * denies its packets anyway"
	case implicit:
		message = fmt.Sprintf("%s and the implicit * deny its packets anyway", entryNames(cover))
	case len(cover) == 1:
		message = fmt.Sprintf("%s %s its packets anyway", entryNames(cover), verb)
	default:
		message = fmt.Sprintf("%s together %s its packets anyway", entryNames(cover), verbFor(cover, e.entry))
	}
	r.gone[i] = true
	r.report(e.entry, cover, message, proofs)
	return nil
}

// later returns entries after line i that do the same with what they match of
// the rest, none of which can be left out, and how much of the rest that is.
func (r *redundancy) later(l *aclList, i int, rest solver.Set) ([]*ir.Entry, solver.Set, error) {
	s, m := l.space, l.newMatches()
	var lines []aclLine
	var by []int
	var parts []solver.Set
	for k := i + 1; k < len(l.lines); k++ {
		o := &l.lines[k]
		if r.gone[k] || !o.does(&l.lines[i]) || o.must == solver.Empty {
			continue
		}
		if part := s.Intersect(rest, o.must); part != solver.Empty {
			by, lines, parts = append(by, len(by)), append(lines, *o), append(parts, part)
			l.add(m, o)
		}
	}
	taken := s.Union(parts...)
	switch taken {
	case solver.Empty:
		return nil, taken, nil
	case solver.Invalid:
		return nil, taken, solver.ErrBudget
	}
	m.add(&l.lines[i].entry.Match, nil, slices.Collect(s.Boxes(taken)), solver.DecisionInvalid)
	chosen, proof, err := m.cover(r.pass.Context, len(by), by)
	if err == nil && proof == nil {
		err = errJudges
	}
	return inOrder(lines, chosen), taken, err
}

// proofs proves that line i is not needed among the lines that stay. Those whose
// place is not known stand where they help least.
func (r *redundancy) proofs(l *aclList, i int) ([]CoverProof, error) {
	m := l.newMatches()
	add := func(from, to int, which func(o *aclLine) bool) {
		for k := from; k < to; k++ {
			if o := &l.lines[k]; !r.gone[k] && o.may != solver.Empty && which(o) {
				l.add(m, o)
			}
		}
	}
	numbered := func(o *aclLine) bool { return o.numbered }
	e := &l.lines[i]
	add(0, i, numbered)
	at := len(m.of)
	l.add(m, e)
	add(0, len(l.lines), func(o *aclLine) bool { return !o.numbered && !o.does(e) })
	add(i+1, len(l.lines), numbered)
	add(0, len(l.lines), func(o *aclLine) bool { return !o.numbered && o.does(e) })
	return m.needless(r.pass.Context, at)
}

// verbFor is what a cover does with the packets of an entry that it makes
// redundant.
func verbFor(cover []*ir.Entry, e *ir.Entry) string {
	verb := "allow"
	if !e.Allow.V {
		verb = "deny"
	}
	if slices.ContainsFunc(cover, func(c *ir.Entry) bool { return !c.Allow.Known() || c.Allow.V != e.Allow.V }) {
		verb = "decide"
	}
	switch {
	case len(cover) > 1:
		return verb
	case verb == "deny":
		return "denies"
	}
	return verb + "s"
}

func (r *redundancy) report(e *ir.Entry, cover []*ir.Entry, reason string, proofs []CoverProof) {
	word := "deny"
	if e.Allow.V {
		word = "allow"
	}
	f := diag.Finding{
		Message: fmt.Sprintf("this %s changes nothing: %s", word, reason),
		Why:     "it counts towards the quota of 20 entries, and must be read by whoever changes the next one",
		Fix:     diag.Fix{Text: "remove " + entryName(e) + ": no packet is judged differently without it (proved)"},
		Place: diag.Place{
			Address: e.Origin.Address,
			Message: fmt.Sprintf("%s, %s", entryName(e), matchWords(&e.Match, e.Egress)),
			Range:   e.Origin.At(ir.FieldAction),
		},
		Family: entryFamily(e),
		Key:    entryKey(e),
	}
	homeOf(&f, r.both[0].acl.Home, r.both[0].acl.VPC)
	f.Cover, f.Related = coverPlaces(e, cover)
	r.pass.Prove(f, Proof{Covers: proofs})
}
