package trace

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// tellGroups says what the groups of an interface decided, and why.
func tellGroups(h *Hop, m mode, i *ir.Interface, egress bool, s *segment, f far) {
	h.Component, h.Place = interfaceName(i), placeOf(&i.Origin, ir.FieldGroups)
	_, r := groupsPass(m, i, egress, s, f)
	switch {
	case h.Verdict == Deny:
		h.Code = "ENI_SG_RULES_MISMATCH"
		h.Message = fmt.Sprintf("no rule allows %s %s %s", packetText(s), direction(egress), peerAddress(s, egress))
		tellLost(h, i, egress, s, f)
		return
	case r != nil:
		h.SGRule, h.Rule = r, r.Origin.Address
		h.Message, h.Place = ruleText(r, egress, s.family), placeOf(&r.Origin, ir.FieldPeer)
	case unfiltered(i):
		h.Message = "has no groups: nothing filters it"
	default:
		h.Message = "rules or groups that are not known"
	}
	h.Because = groupUnknowns(i, egress, s, f)
}

// tellLost says what would have let the packet pass, or that nothing could.
func tellLost(h *Hop, i *ir.Interface, egress bool, s *segment, f far) {
	if !slices.ContainsFunc(i.Groups.Sure, func(g *ir.SecurityGroup) bool { return len(g.Rules(egress)) > 0 }) {
		h.Code = "SG_HAS_NO_RULES"
		h.Message += ": there are no " + side(egress) + " rules"
		return
	}
	if f.iface == nil || f.maybe {
		return
	}
	lost := f.lost
	f.identity = plain()
	if ok, r := groupsPass(pessimist, i, egress, s, f); ok && r != nil {
		h.Code = cmp.Or(lost, "SG_REFERENCES_NOT_PRESERVED")
		h.Message += fmt.Sprintf(": on this way the reference to %s is not seen", peerText(&r.Peer))
	}
}

// peerAddress is the other end's address as far as it is known.
func peerAddress(s *segment, egress bool) string {
	p := s.peer(egress)
	if !p.IsValid() && p.in != nil {
		return "an address in " + p.in.String()
	}
	return addressText(p.Addr)
}

func direction(egress bool) string {
	if egress {
		return "to"
	}
	return "from"
}

func ruleText(r *ir.Rule, egress bool, family packet.Family) string {
	text := fmt.Sprintf("%s %s %s", serviceText(&r.Match, family), direction(egress), peerText(&r.Peer))
	if d := r.Origin.Description; d != "" {
		text += fmt.Sprintf(" %q", d)
	}
	return text
}

// groupUnknowns lists what the answer of an interface's groups waits for.
func groupUnknowns(i *ir.Interface, egress bool, s *segment, f far) []*ir.Unknown {
	us := unknowns(i.Groups.Open)
	for _, g := range i.Groups.Sure {
		us = append(us, oneGroupUnknowns(g, egress, s, f)...)
	}
	for _, g := range i.Groups.Maybe {
		if ok, _ := groupAllows(g.V, egress, s, f, true); ok {
			us = append(append(us, unknowns(g.Why)...), oneGroupUnknowns(g.V, egress, s, f)...)
		}
	}
	if f.iface != nil {
		us = append(us, farUnknowns(i, egress, s, f)...)
	}
	return us
}

func oneGroupUnknowns(g *ir.SecurityGroup, egress bool, s *segment, f far) []*ir.Unknown {
	us := unknowns(g.Open)
	for k := range g.Rules(egress) {
		r := &g.Rules(egress)[k]
		if matches(&r.Match, s, egress, f, true) {
			us = append(append(us, unknowns(r.Maybe)...), matchUnknowns(&r.Match)...)
		}
	}
	return us
}

// farUnknowns lists what decides whether references see the other end.
func farUnknowns(i *ir.Interface, egress bool, s *segment, f far) []*ir.Unknown {
	var us []*ir.Unknown
	for _, g := range i.Groups.Sure {
		for k := range g.Rules(egress) {
			r := &g.Rules(egress)[k]
			if r.Peer.Group == nil || !matches(&r.Match, s, egress, f, true) {
				continue
			}
			us = append(us, f.why...)
			if member(f.iface, r.Peer.Group, false) {
				continue
			}
			us = append(us, unknowns(f.iface.Groups.Open)...)
			for _, o := range f.iface.Groups.Maybe {
				us = append(us, unknowns(o.Why)...)
			}
		}
	}
	return us
}

func matchUnknowns(m *ir.Match) []*ir.Unknown {
	return append(unknowns(m.Protocol.Why, m.Ports.Why), peerUnknowns(&m.Peer)...)
}

// tellACL says what the ACL of a subnet decided. Where the subnet may have
// several, it is the first that shows the verdict.
func tellACL(h *Hop, m mode, at place, egress bool, s *segment) {
	h.Component = subnetName(at.subnet)
	if at.subnet == nil {
		h.Message, h.Because = "its ACL is not known", unknowns(at.why)
		return
	}
	h.Because = at.subnet.ACL.Unknowns()
	for _, a := range at.subnet.ACL.Of {
		h.Because = append(h.Because, aclUnknowns(a, egress, s)...)
	}
	for _, a := range at.subnet.ACL.Of {
		if pass, e := aclPasses(m, a, egress, s); pass == (h.Verdict != Deny) {
			tellEntry(h, a, e, egress, s)
			return
		}
	}
	h.Message, h.Place = "its ACL is not known", placeOf(&at.subnet.Origin, ir.FieldInvalid)
}

func tellEntry(h *Hop, a *ir.NetworkACL, e *ir.Entry, egress bool, s *segment) {
	prefix := ""
	if a.Default {
		prefix = "default ACL, "
	}
	h.Place, h.Entry = placeOf(&a.Origin, ir.FieldInvalid), e
	h.Passed = passed(a, e, egress, s)
	switch {
	case e != nil:
		h.Rule = ruleName(a, e)
		h.Message = fmt.Sprintf("%sentry %s: %s", prefix, numberText(e), entryText(e, egress, s.family))
		h.Place = placeOf(&e.Origin, ir.FieldNumber)
	case a.Open != nil:
		h.Message = prefix + "entries that are not known"
	default:
		h.Rule = nameOf(&a.Origin, a.ID, a.Name, "acl") + "/" + side(egress) + "/*"
		h.Message = prefix + "entry *: nothing else matches"
		h.Place = starPlace(a, egress, h.Place)
	}
}

// starPlace points at the last entry of the direction: what stands there is all
// that may pass.
func starPlace(a *ir.NetworkACL, egress bool, otherwise diag.Place) diag.Place {
	p := otherwise
	for k := range a.Entries {
		e := &a.Entries[k]
		if e.Egress != egress || e.Origin.Implicit || e.Origin.Block.IsZero() {
			continue
		}
		if p == otherwise || p.Range.Compare(e.Origin.Block) < 0 {
			p = diag.Place{Address: e.Origin.Address, Range: e.Origin.Block}
		}
	}
	return p
}

// passed lists the entries that were looked at before the one that decided.
func passed(a *ir.NetworkACL, decided *ir.Entry, egress bool, s *segment) []*ir.Entry {
	var es []*ir.Entry
	for k := range a.Entries {
		e := &a.Entries[k]
		if e.Egress == egress && e != decided && (decided == nil || order(e) < order(decided)) && !matches(&e.Match, s, egress, far{}, true) {
			es = append(es, e)
		}
	}
	slices.SortStableFunc(es, func(x, y *ir.Entry) int { return order(x) - order(y) })
	return es
}

func order(e *ir.Entry) int {
	if e.Number.Known() {
		return int(e.Number.V)
	}
	return rankLast
}

func ruleName(a *ir.NetworkACL, e *ir.Entry) string {
	if e.Origin.Address != "" && e.Origin.Address != a.Origin.Address {
		return e.Origin.Address
	}
	return nameOf(&a.Origin, a.ID, a.Name, "acl") + "/" + side(e.Egress) + "/" + numberText(e)
}

func side(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

func numberText(e *ir.Entry) string {
	if !e.Number.Known() {
		return "?"
	}
	return fmt.Sprint(e.Number.V)
}

// entryText is "5432 from 10.0.10.0/24", or "all" for everything from everyone.
func entryText(e *ir.Entry, egress bool, family packet.Family) string {
	service := serviceText(&e.Match, family)
	if p := &e.Peer; p.CIDR.IsValid() && p.CIDR.Bits() == 0 {
		return service
	}
	return fmt.Sprintf("%s %s %s", service, direction(egress), peerText(&e.Peer))
}

// aclUnknowns lists what the answer of an ACL waits for: the entries that may
// or may not decide before one surely does.
func aclUnknowns(a *ir.NetworkACL, egress bool, s *segment) []*ir.Unknown {
	us := unknowns(a.Open)
	end := rankNone
	for k := range a.Entries {
		e := &a.Entries[k]
		if e.Egress == egress && certain(e) && matches(&e.Match, s, egress, far{}, false) {
			end = min(end, int(e.Number.V))
		}
	}
	for k := range a.Entries {
		e := &a.Entries[k]
		if e.Egress != egress || e.Number.Known() && int(e.Number.V) > end || !matches(&e.Match, s, egress, far{}, true) {
			continue
		}
		us = append(append(us, unknowns(e.Maybe, e.Number.Why, e.Allow.Why)...), matchUnknowns(&e.Match)...)
	}
	return us
}

func certain(e *ir.Entry) bool { return e.Maybe == nil && e.Number.Known() && e.Allow.Known() }

func (w *walk) tellService(h *Hop, i *ir.Interface, s *segment) {
	h.Component, h.Place = interfaceName(i), i.Origin.Place("")
	if i.NoInbound || i.Kind == ir.InterfaceConnectEndpoint {
		h.Message = "accepts no flows: it only begins them"
		return
	}
	h.Place, h.Because = cmpPlace(i.Services.Place, h.Place), unknowns(i.Services.Open)
	h.Message = "not known whether something listens on " + packetText(s)
	if h.Verdict == Deny {
		h.Message = "nothing listens on " + packetText(s)
		if i.Kind == ir.InterfaceLoadBalancer || i.Kind == ir.InterfaceNetworkLoadBalancer {
			h.Code = "ELBV2_LISTENERS_MISMATCH"
			if isClassic(i) {
				h.Code = "ELB_LISTENERS_MISMATCH"
			}
			h.Over = w.listenersOver(i)
		}
	}
}
