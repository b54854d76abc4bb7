package verify

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/formula"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver/smt"
)

// findings puts the packets that findings show to all judges.
func (s *session) findings(fs []diag.Finding) error {
	for k := range fs {
		f := &fs[k]
		if f.Witness == nil || f.Root != s.n.Root || f.Variant != s.n.Variant {
			continue
		}
		from, to, ok := s.ends(f)
		if !ok || s.skips() {
			continue
		}
		s.r.Findings++
		h := f.Witness.Header
		flow, err := s.model.Flow(s.ctx, from, to, h.Family())
		if err != nil {
			return err
		}
		e, sp := formula.New(s.n, h.Family()), s.model.Space(h.Family())
		g := e.Flow(from, to)
		r := trace.Run(s.n, trace.Query{From: from, To: to, Header: h})
		s.r.Packets++
		must, err := sp.Contains(flow.Complete.Must, h)
		if err != nil {
			return err
		}
		may, err := sp.Contains(flow.Complete.May, h)
		if err != nil {
			return err
		}
		q := question{what: "the packet of " + f.Rule + " at " + f.Place.Range.String(), from: from, to: to}
		passes, err := s.solve(e.Formula(e.Is(h), g.Fits, g.Complete, e.Least()))
		if err != nil {
			return err
		}
		fails, err := s.solve(e.Formula(e.Is(h), g.Fits, e.Not(g.Complete), e.Most()))
		if err != nil {
			return err
		}
		asked := s.o.Solver != nil
		switch {
		case must && r.Verdict == trace.Deny, !may && r.Verdict == trace.Allow:
			s.disagree(&q, h, fmt.Sprintf("the sets say %s, trace: %s", word(must, may), r.Verdict), nil)
		case asked && (must && fails != nil || !may && passes != nil):
			s.disagree(&q, h, fmt.Sprintf("the sets say %s, the formula %s", word(must, may), word(fails == nil, passes != nil)), nil)
		}
	}
	return nil
}

// ends finds the interfaces between which a finding's packet travels.
func (s *session) ends(f *diag.Finding) (from, to *ir.Interface, ok bool) {
	from, okFrom := find(s.n, f.Witness.SrcOf)
	to, okTo := find(s.n, f.Witness.DstOf)
	return from, to, okFrom && okTo && from != to
}

func find(n *ir.Network, name string) (*ir.Interface, bool) {
	if name == "internet" {
		return nil, true
	}
	for _, i := range n.Interfaces {
		if name != "" && (i.Resource == name || i.ID == name) {
			return i, true
		}
	}
	return nil, false
}

// Script is a finding's query as an SMT-LIB 2 file, with what a solver has to
// answer. False for findings that no query decides.
func Script(n *ir.Network, f *diag.Finding) (string, bool, error) {
	if f.Root != n.Root || f.Variant != n.Variant {
		return "", false, nil
	}
	heading := []string{
		fmt.Sprintf("postern: %s, %s: %s", f.Rule, f.Place.Range, f.Message),
	}
	if text, ok, err := coverScript(n, f, heading); ok || err != nil {
		return text, ok, err
	}
	s := session{n: n}
	if f.Witness == nil {
		return "", false, nil
	}
	from, to, ok := s.ends(f)
	if !ok {
		return "", false, nil
	}
	h := f.Witness.Header
	e := formula.New(n, h.Family())
	g := e.Flow(from, to)
	r := trace.Run(n, trace.Query{From: from, To: to, Header: h})
	term, what := g.Complete, "the flow is complete"
	if r.Forward.Verdict == trace.Allow && r.Verdict != trace.Allow && h.Protocol != packet.TCP {
		term, what = g.Forward, "the request arrives"
	}
	v := r.Verdict
	if term == g.Forward {
		v = r.Forward.Verdict
	}
	heading = append(heading, fmt.Sprintf("%s, from %s to %s: %s", h, f.Witness.SrcOf, f.Witness.DstOf, what))
	is := e.And(e.Is(h), g.Fits, e.Picks(0))
	switch v {
	case trace.Allow:
		heading = append(heading, "Expected: unsat. No values of what is unknown (u1, u2, ...) keep it from that.")
		is = e.And(is, e.Not(term), e.Most())
	case trace.Deny:
		heading = append(heading, "Expected: unsat. No values of what is unknown (u1, u2, ...) bring it about.")
		is = e.And(is, term, e.Least())
	case trace.Unknown, trace.VerdictInvalid:
		heading = append(heading, "Expected: sat. The values of u1, u2, ... are some that bring it about.")
		is = e.And(is, term)
	}
	q := e.Formula(is)
	text, err := q.Script(heading...)
	return text, err == nil, err
}

// coverScript is the query of a finding about a rule that others cover: is there
// a header that it matches and none of them does?
func coverScript(n *ir.Network, f *diag.Finding, heading []string) (string, bool, error) {
	if len(f.Cover) == 0 {
		return "", false, nil
	}
	target, ok := lookup(n, f.Place)
	if !ok {
		return "", false, nil
	}
	heading = append(heading, "Expected: unsat. Nothing that it matches is left over by: "+covers(f.Cover))
	var texts []string
	for _, family := range packet.Families {
		if f.Family != packet.FamilyInvalid && f.Family != family {
			continue
		}
		e := formula.New(n, family)
		left := []smt.Term{e.Matches(target.match, target.egress)}
		for _, p := range f.Cover {
			by, ok := lookup(n, p)
			if !ok || by.egress != target.egress {
				return "", false, nil
			}
			left = append(left, e.Not(e.Matches(by.match, by.egress)))
		}
		q := e.Formula(left...)
		text, err := q.Script(append(heading, "Family: "+family.String())...)
		if err != nil {
			return "", false, err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "(reset)\n"), len(texts) > 0, nil
}

func covers(ps []diag.Place) string {
	var names []string
	for _, p := range ps {
		names = append(names, p.Address+" ("+p.Range.String()+")")
	}
	return strings.Join(names, ", ")
}

// found is a rule or an entry whose match no membership decides.
type found struct {
	match  *ir.Match
	egress bool
}

// lookup finds the rule or the entry that was written at a place; false where
// several were, or one that may not be there.
func lookup(n *ir.Network, p diag.Place) (found, bool) {
	var all []found
	add := func(o ir.Origin, m *ir.Match, egress, sure bool) {
		if o.Address != p.Address || p.Range.IsZero() {
			return
		}
		at := o.Range == p.Range || o.Block == p.Range
		for _, r := range o.Fields {
			at = at || r == p.Range
		}
		if at && sure {
			all = append(all, found{m, egress})
		}
	}
	for _, a := range n.NetworkACLs {
		for k := range a.Entries {
			en := &a.Entries[k]
			add(en.Origin, &en.Match, en.Egress, en.Maybe == nil)
		}
	}
	for _, g := range n.SecurityGroups {
		for _, egress := range []bool{false, true} {
			for k := range g.Rules(egress) {
				r := &g.Rules(egress)[k]
				add(r.Origin, &r.Match, egress, r.Maybe == nil && r.Peer.Group == nil)
			}
		}
	}
	if len(all) != 1 {
		return found{}, false
	}
	return all[0], true
}
