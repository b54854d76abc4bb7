package formula

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// siteKind says how the value of a variable is written: as ir.Substitute reads
// it.
type siteKind uint8

const (
	siteInvalid siteKind = iota
	siteExists
	siteBool
	siteChoice
	siteProtocol
	sitePorts // other: the upper end
	sitePeer  // other: the address that was asked about
	siteNumber
	siteBPA
	siteExclusion
)

type site struct {
	kind  siteKind
	why   *ir.Unknown
	other smt.Term
}

// at notes what a variable stands for.
func (e *Encoder) at(t smt.Term, s site) {
	if _, ok := e.sites[t]; !ok && s.why != nil && s.why.Term != "" {
		e.sites[t] = s
		e.made = append(e.made, t)
	}
}

// Values returns what a model takes the unknowns of the formula to be, by term,
// written as ir.Substitute reads it: "var.office_cidr" is "0.0.0.0/0". Terms
// whose values the formula does not depend on are left out; so are those that
// stand for several kinds of things at once, and what has no word: rules and
// routes that are not shown, what is not modelled.
func (e *Encoder) Values(f smt.Formula, m *smt.Model) map[string]string {
	used := map[smt.Term]bool{}
	for _, t := range f.Variables() {
		used[t] = true
	}
	values := map[string]string{}
	clash := map[string]bool{}
	peers := map[string][]smt.Term{}
	put := func(term, v string) {
		if old, ok := values[term]; ok && old != v {
			clash[term] = true
		}
		values[term] = v
	}
	for _, t := range e.made {
		s := e.sites[t]
		if !used[t] {
			continue
		}
		if s.kind == sitePeer {
			peers[s.why.Term] = append(peers[s.why.Term], t)
			continue
		}
		put(s.why.Term, e.text(s, t, m))
	}
	for term, ts := range peers {
		put(term, e.block(ts, m))
	}
	for term := range clash {
		delete(values, term)
	}
	return values
}

// Picked is the port that is picked on the way in a model.
func (e *Encoder) Picked(m *smt.Model) uint16 { return uint16(m.Value(e.Port()).Lo) }

// Settled reports whether Values has a word for every unknown of a formula: with
// those values nothing that matters to it stays open, but for the addresses that
// AWS picks, what the input does not show of a way, and what is not modelled.
func (e *Encoder) Settled(f smt.Formula) bool {
	h := e.header
	kinds := map[string]siteKind{}
	for _, t := range f.Variables() {
		if t == h.Src || t == h.Dst || t == h.Protocol || t == h.SrcPort || t == h.DstPort || e.upper(t) || t == e.Port() || slices.Contains(e.dark, t) || slices.Contains(e.far, t) ||
			slices.Contains(e.draws, t) {
			continue
		}
		s, ok := e.sites[t]
		if !ok || s.kind == siteNumber {
			return false
		}
		if k, ok := kinds[s.why.Term]; ok && k != s.kind {
			return false
		}
		kinds[s.why.Term] = s.kind
	}
	return true
}

// upper reports whether a variable is the upper end of unknown ports.
func (e *Encoder) upper(t smt.Term) bool {
	for _, s := range e.sites {
		if s.kind == sitePorts && s.other == t {
			return true
		}
	}
	return false
}

// Likely is true of headers that people recognise: TCP to ssh, the web or a
// database, from an ordinary client port of a host on the internet.
func (e *Encoder) Likely() smt.Term {
	s := e.request()
	var ports []smt.Term
	for _, p := range []uint64{22, 80, 443, 3306, 3389, 5432} {
		ports = append(ports, e.Eq(s.dport, e.number(p, 16)))
	}
	return e.And(e.protocolIs(s, packet.TCP), e.Or(ports...), e.Between(s.sport, smt.Number(32768), smt.Number(60999)), e.onInternet(s.src))
}

var (
	bpaWords       = [...]string{"off", "ingress", "bidirectional"}
	exclusionWords = [...]string{"none", "bidirectional", "egress"}
)

func (e *Encoder) text(s site, t smt.Term, m *smt.Model) string {
	n := m.Value(t).Lo
	switch s.kind {
	case siteExists:
		return fmt.Sprint(n)
	case siteBool:
		return fmt.Sprint(n == 1)
	case siteProtocol:
		if n == allAs {
			return "-1"
		}
		return fmt.Sprint(n)
	case sitePorts:
		return fmt.Sprintf("%d-%d", n, m.Value(s.other).Lo)
	case siteBPA:
		return bpaWords[min(n, 2)]
	case siteExclusion:
		return exclusionWords[min(n, 2)]
	case siteChoice, siteNumber, sitePeer, siteInvalid:
	}
	return fmt.Sprint(n)
}

// block is what stands for a set of CIDRs in a model: one CIDR that holds the
// addresses which have to be in it and none of those which must not, the whole
// family where nothing must not; a list of addresses where no CIDR does it, and
// nothing for the empty set.
func (e *Encoder) block(ts []smt.Term, m *smt.Model) string {
	var in, out []netip.Addr
	for _, t := range ts {
		a := e.read(e.sites[t].other, m)
		if m.Bool(t) {
			in = append(in, a)
		} else {
			out = append(out, a)
		}
	}
	if len(in) == 0 {
		return ""
	}
	for bits := range in[0].BitLen() + 1 {
		p := netip.PrefixFrom(in[0], bits).Masked()
		if !slices.ContainsFunc(out, p.Contains) {
			if slices.ContainsFunc(in, func(a netip.Addr) bool { return !p.Contains(a) }) {
				break
			}
			return p.String()
		}
	}
	slices.SortFunc(in, netip.Addr.Compare)
	var all []string
	for _, a := range slices.Compact(in) {
		all = append(all, netip.PrefixFrom(a, a.BitLen()).String())
	}
	return strings.Join(all, ",")
}

// read is an address term's value in a model.
func (e *Encoder) read(t smt.Term, m *smt.Model) netip.Addr {
	return e.Evaluate(t, m).Address(e.Width(t))
}
