package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// latent is a line that is open to the internet while no packet gets there.
type latent struct {
	opening  *opening
	category category
	carriers []*ir.Interface
	blockers []diag.Blocker
}

// latentExposures runs the rule latent-exposure: every line of a group that
// would be an exposure if something carried the group to the internet, and that
// provably nothing does.
func latentExposures(p *Pass) error {
	if len(p.Net.Indirect) > 0 {
		return nil // something outside the route tables may bring traffic: nothing is proved
	}
	for _, g := range p.Net.SecurityGroups {
		if g.Origin.Implicit {
			continue
		}
		carriers := p.Model.Carriers(g)
		if len(carriers) == 0 && (carriedAway(p, g) != nil || maybeCarried(p, g)) {
			continue
		}
		var rules []groupRule
		for k := range g.Ingress {
			rules = append(rules, groupRule{g, &g.Ingress[k]})
		}
		var found []*latent
		for _, f := range packet.Families {
			ls, err := latentIn(p, f, rules, carriers)
			if err != nil {
				return err
			}
			found = mergeLatent(found, ls)
		}
		for _, l := range found {
			reportLatent(p, g, l)
		}
	}
	return nil
}

// maybeCarried reports whether an interface of the input may carry a group
// without the input naming it.
func maybeCarried(p *Pass, g *ir.SecurityGroup) bool {
	return g.Term != nil || slices.ContainsFunc(p.Net.Interfaces, func(i *ir.Interface) bool { return i.Groups.Open != nil && !i.Hypothetical })
}

// latentIn finds the latent lines of a group in one family.
func latentIn(p *Pass, f packet.Family, rules []groupRule, carriers []*ir.Interface) ([]*latent, error) {
	s := p.Model.Space(f)
	var bands []solver.Set
	for _, r := range rules {
		bands = append(bands, reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Must)
	}
	open := s.Intersect(s.Union(bands...), p.Model.Internet(f))
	var found []*latent
	for _, c := range categories() {
		for _, o := range openedBy(p.Model, f, c, rules, s.Intersect(open, c.set(s))) {
			if slices.ContainsFunc(found, func(l *latent) bool { return l.opening.rule == o.rule }) {
				continue // already said as something worse
			}
			l := &latent{opening: o, category: c, carriers: carriers}
			closed, err := l.closedEverywhere(p, f)
			if err != nil {
				return nil, err
			}
			if closed {
				found = append(found, l)
			}
		}
	}
	return found, s.Err()
}

// closedEverywhere reports whether no carrier can be reached through the line,
// and gathers what stands in the way.
func (l *latent) closedEverywhere(p *Pass, f packet.Family) (bool, error) {
	s := p.Model.Space(f)
	asked := s.Intersect(l.opening.on[0].services, p.Model.Internet(f))
	for _, i := range l.carriers {
		x, err := p.Model.Exposure(p.Context, i, f)
		if err != nil {
			return false, err
		}
		if closed, err := s.Disjoint(x.Open.May, asked); err != nil || !closed {
			return false, err
		}
		for _, st := range p.Model.Blockers(f, x.Flow, asked) {
			b := diag.Blocker{Code: st.Code, Message: st.Message, Place: st.Place}
			if !slices.ContainsFunc(l.blockers, func(o diag.Blocker) bool { return o.Message == b.Message }) {
				l.blockers = append(l.blockers, b)
			}
		}
	}
	return true, nil
}

// mergeLatent joins the lines of one block: 0.0.0.0/0 and ::/0 side by side are
// one thing to mend.
func mergeLatent(all, more []*latent) []*latent {
	for _, l := range more {
		k := slices.IndexFunc(all, func(a *latent) bool {
			b := a.opening.rule.Origin.Block
			return !b.IsZero() && b == l.opening.rule.Origin.Block && a.opening.rule.Origin.Address == l.opening.rule.Origin.Address
		})
		if k < 0 {
			all = append(all, l)
			continue
		}
		all[k].opening.others = append(all[k].opening.others, l.opening.rule)
		all[k].opening.family = packet.FamilyInvalid
		for _, b := range l.blockers {
			if !slices.ContainsFunc(all[k].blockers, func(o diag.Blocker) bool { return o.Message == b.Message }) {
				all[k].blockers = append(all[k].blockers, b)
			}
		}
	}
	return all
}

func reportLatent(p *Pass, g *ir.SecurityGroup, l *latent) {
	r := l.opening.rule
	label := "nothing carries " + g.Origin.Address
	if n := len(l.carriers); n > 0 {
		label = fmt.Sprintf("%s, %s", l.carriers[0].Resource, count(n, "member", "members"))
	}
	f := diag.Finding{
		Certainty: diag.Definite, Family: l.opening.family,
		Place:    r.Origin.Place(label),
		Message:  serviceWords(&r.Match) + " is open to the internet, but no packet gets there",
		Fix:      diag.Fix{Text: "name the group or the addresses that need it instead of " + peerWords(&r.Peer)},
		Account:  g.Home.Account,
		Region:   g.Home.Region,
		Blockers: l.blockers,
		Key:      key(r),
	}
	for _, o := range l.opening.others {
		f.Related = append(f.Related, o.Origin.Place("and "+peerWords(&o.Peer)))
	}
	without := fmt.Sprintf("Without %s this is %s, %s", pronoun(len(l.blockers)), l.category.rule, l.category.severity)
	switch n := len(l.blockers); {
	case len(l.carriers) == 0:
		where := "in this root uses it, and nothing can carry it out"
		if p.Net.Root == "" {
			where = "in the input uses it"
		}
		f.Why = fmt.Sprintf("nothing %s. With a public member this is %s, %s", where, l.category.rule, l.category.severity)
		f.Blockers = []diag.Blocker{{Message: "no interface carries " + g.Origin.Address, Place: g.Origin.Place("")}}
		f.Fix.Text = "remove the group, or the rule"
	case n == 0:
		f.Why = fmt.Sprintf("groups, ACLs and routes together let nothing of it through. If one of them changes this is %s, %s", l.category.rule, l.category.severity)
	default:
		var parts []string
		for _, b := range l.blockers {
			parts = append(parts, b.Message+at(b.Place.Range))
		}
		stands := "one thing stands"
		if n > 1 {
			stands = spelled(n) + " things stand"
		}
		f.Why = fmt.Sprintf("%s in the way: %s. %s", stands, listWords(parts, 4), without)
	}
	p.Report(f)
}

func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// spelled gives a small number in letters, as prose does.
func spelled(n int) string {
	words := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}
