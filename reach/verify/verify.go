// Package verify puts every answer about a network to all judges: the packet
// sets of package reach, the formulas of package formula that an SMT solver
// decides, and the walk of package trace. Where two of them contradict each
// other postern is wrong, and that is what a Report lists.
//
// Of a large network a part is compared. Interfaces that nothing but their
// addresses tells apart are one class, and one of each stands for it (classes.go).
// Hosts outside are compared with all of these first, then pairs of them in an
// order that is the same every time and favours none, as far as MaxFlows and Time
// go; the Report says what was left out.
//
// A filter or a flow is compared as a whole: the solver looks for a header in
// what must pass that does not pass for some values of what is unknown, and for
// one outside what may pass that does. Of what the formulas do not model, all or
// nothing is taken to let packets pass, whichever proves less. Headers at the
// corners of the sets, and all that the solver finds, go through trace as well. Where the solver finds
// values for everything that is unknown, trace walks the network with these
// values, and has to agree without doubt.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/formula"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/smt"
)

// Options of a comparison.
type Options struct {
	// Solver is the third judge; nil leaves the other two.
	Solver smt.Solver
	// MaxFlows bounds the pairs of ends that are compared; 0 means 400.
	MaxFlows int
	// Time is how long the comparison of a network goes on; 0 means as long as it
	// takes. What is not done by then is left out. Done is how much was compared
	// earlier: see Rest.
	Time time.Duration
	Done int
}

// Report is what a comparison found. Reports of several networks add up.
type Report struct {
	ACLs, Groups, Flows, Findings int // what was compared
	Queries                       int // answered by the solver
	Packets                       int // walked by trace
	Values                        int // of those, with values that the solver chose for unknowns
	Split                         int // flows whose unknown Booleans were tried case by case
	// Ends are the interfaces of which one stands for a class, Interfaces all of
	// them.
	Ends, Interfaces int
	// Undecided counts questions that the solver gave up on; LeftOut flows beyond
	// MaxFlows, Late what the caller had no time for; Complex sets with more
	// boxes than a query takes.
	Undecided, LeftOut, Late, Complex int
	Disagreements                     []Disagreement
	// Opens are values that would complete a flow from the internet.
	Opens []Opening
	// SolverErr is why the solver was lost on the way: the rest was compared by
	// the two other judges.
	SolverErr error
}

// Disagreement is a header about which two judges contradict each other.
type Disagreement struct {
	What     string // "aws_network_acl.a, ingress", "aws_instance.a to aws_instance.b"
	Header   packet.Header
	Says     string // what each judge says
	Network  *ir.Network
	From, To *ir.Interface
	Values   map[string]string // the unknowns, where the judges were asked with values
}

func (d *Disagreement) Error() string {
	if !d.Header.Valid() { // about a finding as a whole
		return d.What + ": " + d.Says
	}
	return fmt.Sprintf("%s: %s: %s", d.What, d.Header, d.Says)
}

// Opening is a flow from the internet that would be complete with certain
// values.
type Opening struct {
	To     *ir.Interface
	Header packet.Header
	Values map[string]string
}

// maxOpens bounds the openings of a network.
const maxOpens = 10

// maxBoxes bounds the boxes of a set in a query.
const maxBoxes = 1500

// session is the comparison of one network.
type session struct {
	ctx   context.Context
	n     *ir.Network
	model *reach.Model
	o     Options
	r     *Report
	cases []map[string]string
	until time.Time // zero: no end
	next  int       // the number of the next thing to be compared
	rest  Rest
}

// Rest says how far a comparison came: how many things were compared, and how many
// were left out when the time was up.
type Rest struct{ Done, Left int }

// skips reports whether the next thing is not to be compared: earlier it was, or
// the time is up.
func (s *session) skips() bool {
	s.next++
	if s.next <= s.o.Done {
		return true
	}
	if !s.until.IsZero() && time.Now().After(s.until) {
		s.rest.Left++
		return true
	}
	s.rest.Done = s.next
	return false
}

// Network compares the answers about one network, and the packets of its
// findings. What is left when the time is up another call goes on with. The error is the context's, or that of the packet sets' budget.
func Network(ctx context.Context, n *ir.Network, findings []diag.Finding, o Options, r *Report) (Rest, error) {
	if o.MaxFlows <= 0 {
		o.MaxFlows = 400
	}
	m, err := reach.Compile(ctx, n)
	if err != nil {
		return Rest{}, err
	}
	s := &session{ctx: ctx, n: n, model: m, o: o, r: r, cases: booleanCases(n), rest: Rest{Done: o.Done}}
	if o.Time > 0 {
		s.until = time.Now().Add(o.Time)
	}
	if r.SolverErr != nil {
		s.o.Solver = nil
	}
	// What findings are about comes first, and what there is most of last.
	for _, step := range []func() error{func() error { return s.findings(findings) }, s.acls, s.groups, s.flows} {
		if err := step(); err != nil {
			return s.rest, err
		}
	}
	return s.rest, nil
}

// question is one thing that all judges can be asked about.
type question struct {
	what     string
	encoder  *formula.Encoder
	space    *solver.Space
	band     reach.Band
	term     smt.Term
	fits     smt.Term // the worlds in which the ends can have the header's addresses
	anywhere smt.Term // there is such a world
	within   solver.Set
	// ask has trace answer, with a port that is picked on the way.
	ask      func(*ir.Network, packet.Header, uint16, mapping) (trace.Verdict, bool)
	from, to *ir.Interface
}

// mapping says where the interfaces of a network went in a copy of it; nil for
// the network itself.
type mapping map[*ir.Interface]*ir.Interface

func (m mapping) of(i *ir.Interface) (*ir.Interface, bool) {
	if i == nil || m == nil {
		return i, true
	}
	to, ok := m[i]
	return to, ok
}

// compare asks about one thing.
func (s *session) compare(q question) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if err := s.sample(&q); err != nil {
		return err
	}
	if s.o.Solver == nil {
		return nil
	}
	must, okMust := s.boxes(&q, q.band.Must)
	may, okMay := s.boxes(&q, q.band.May)
	if !okMust || !okMay {
		s.r.Complex++
		return nil
	}
	e := q.encoder
	fails := e.Or(e.And(q.fits, e.Not(q.term)), e.Not(q.anywhere))
	need, can := e.And(must, fails, e.Most()), e.And(q.fits, q.term, e.Not(may), e.Least())
	wrong, err := s.solve(e.Formula(e.Or(need, can)))
	if err != nil {
		return err
	}
	for _, c := range []struct {
		says string
		is   smt.Term
	}{
		{"the sets say that it must pass, the formula that it need not", need},
		{"the sets say that it cannot pass, the formula that it may", can},
	} {
		if wrong == nil {
			break
		}
		m, err := s.solve(e.Formula(c.is))
		if err != nil {
			return err
		}
		if m != nil {
			v, _ := q.ask(s.n, m.Header, e.Picked(m), nil)
			s.disagree(&q, m.Header, fmt.Sprintf("%s; trace: %s", c.says, v), e.Values(e.Formula(c.is), m))
		}
	}
	if q.band.Exact() {
		return nil
	}
	return s.values(&q, e.And(may, e.Not(must)))
}

// solve asks the solver. What it cannot decide is counted; when it is lost, the
// comparison goes on without it.
func (s *session) solve(f smt.Formula) (*smt.Model, error) {
	if s.o.Solver == nil || slices.Contains(f.Assert, smt.False) {
		return nil, nil
	}
	m, err := s.o.Solver.Solve(s.ctx, f)
	switch {
	case err == nil:
		s.r.Queries++
	case s.ctx.Err() != nil:
		return nil, s.ctx.Err()
	case errors.Is(err, smt.ErrUndecided):
		s.r.Undecided++
	default:
		s.r.SolverErr, s.o.Solver = err, nil
	}
	return m, nil
}

func (s *session) disagree(q *question, h packet.Header, says string, values map[string]string) {
	s.r.Disagreements = append(s.r.Disagreements, Disagreement{
		What: q.what, Header: h, Says: says, Network: s.n, From: q.from, To: q.to, Values: values,
	})
}

// boxes writes a set as a term; false when it takes too many boxes.
func (s *session) boxes(q *question, a solver.Set) (smt.Term, bool) {
	var bs []formula.Box
	for b := range q.space.Boxes(a) {
		if len(bs) == maxBoxes {
			return smt.False, false
		}
		bs = append(bs, formula.Box{
			SrcFrom: b.Src.From(), SrcTo: b.Src.To(), DstFrom: b.Dst.From(), DstTo: b.Dst.To(),
			Protocol: [2]uint8{uint8(b.Protocol.Lo), uint8(b.Protocol.Hi)},
			SrcPort:  [2]uint16{b.SrcPort.Lo, b.SrcPort.Hi}, DstPort: [2]uint16{b.DstPort.Lo, b.DstPort.Hi},
		})
	}
	return q.encoder.In(bs), q.space.Err() == nil
}

// values lets the solver choose values for what is unknown, once such that a
// header passes and once such that it does not, and has trace walk the network
// with them.
func (s *session) values(q *question, among smt.Term) error {
	e := q.encoder
	for _, passes := range []bool{true, false} {
		term := e.And(q.term, e.Least())
		if !passes {
			term = e.And(q.anywhere, e.Not(q.term), e.Most())
		}
		f := e.Formula(among, q.fits, term)
		if !e.Settled(f) {
			continue // something has no word
		}
		m, err := s.solve(f)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		values := e.Values(f, m)
		with, moved := ir.SubstituteMapped(s.n, values)
		got, ok := q.ask(with, m.Header, e.Picked(m), moved)
		if !ok {
			continue
		}
		s.r.Packets, s.r.Values = s.r.Packets+1, s.r.Values+1
		if passes && got == trace.Deny || !passes && got == trace.Allow {
			s.disagree(q, m.Header, fmt.Sprintf("with the solver's values the formula says %v, and trace: %s", passes, got), values)
		}
	}
	return nil
}

// Corners of a set that trace is asked about.
const (
	cornersOfMust = 6
	cornersOfRest = 4
)

// sample asks trace about corners of the sets.
func (s *session) sample(q *question) error {
	sp := q.space
	for _, part := range []struct {
		set  solver.Set
		most int
	}{
		{q.band.Must, cornersOfMust},
		{sp.Difference(q.band.May, q.band.Must), cornersOfRest},
		{sp.Difference(q.within, q.band.May), cornersOfRest},
	} {
		k := 0
		for b := range sp.Boxes(sp.Intersect(part.set, q.within)) {
			for _, h := range []packet.Header{
				{Src: b.Src.From(), Dst: b.Dst.From(), Protocol: uint8(b.Protocol.Lo), SrcPort: b.SrcPort.Lo, DstPort: b.DstPort.Lo},
				{Src: b.Src.To(), Dst: b.Dst.To(), Protocol: uint8(b.Protocol.Lo), SrcPort: b.SrcPort.Hi, DstPort: b.DstPort.Hi},
			} {
				if h.Valid() {
					if err := s.walk(q, h); err != nil {
						return err
					}
				}
			}
			if k++; k == part.most {
				break
			}
		}
	}
	return sp.Err()
}

func (s *session) walk(q *question, h packet.Header) error {
	must, err := q.space.Contains(q.band.Must, h)
	if err != nil {
		return err
	}
	may, err := q.space.Contains(q.band.May, h)
	if err != nil {
		return err
	}
	v, ok := q.ask(s.n, h, 0, nil)
	if !ok {
		return nil
	}
	s.r.Packets++
	if must && v == trace.Deny || !may && v == trace.Allow {
		s.disagree(q, h, fmt.Sprintf("the sets say %s, trace: %s", word(must, may), v), nil)
	}
	return nil
}

func word(must, may bool) string {
	switch {
	case must:
		return "allow"
	case !may:
		return "deny"
	}
	return "unknown"
}

// acls compares every network ACL.
func (s *session) acls() error {
	for _, a := range s.n.NetworkACLs {
		if s.skips() {
			continue
		}
		for _, egress := range []bool{false, true} {
			for _, f := range packet.Families {
				e, sp := formula.New(s.n, f), s.model.Space(f)
				q := question{
					what: a.Origin.Address + ", " + direction(egress), encoder: e, space: sp,
					band: reach.ACLBand(sp, reach.RequestView(egress), a, egress), term: e.ACL(a, egress),
					fits: smt.True, anywhere: smt.True, within: sp.All(),
				}
				position := slices.Index(s.n.NetworkACLs, a)
				q.ask = func(n *ir.Network, h packet.Header, _ uint16, _ mapping) (trace.Verdict, bool) {
					return trace.ACL(n.NetworkACLs[position], egress, h), true
				}
				if err := s.compare(q); err != nil {
					return err
				}
			}
			s.r.ACLs++
		}
	}
	return nil
}

func direction(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

// groups compares the groups of every interface that differs in them.
func (s *session) groups() error {
	for _, m := range classes(s.n.Interfaces, groupClass) {
		i := m.first
		if s.skips() {
			continue
		}
		for _, egress := range []bool{false, true} {
			for _, f := range packet.Families {
				e, sp := formula.New(s.n, f), s.model.Space(f)
				q := question{
					what: "groups of " + i.Resource + ", " + direction(egress), encoder: e, space: sp,
					band: s.model.Groups(f, i, egress, nil), term: e.Groups(i, egress, nil),
					fits: smt.True, anywhere: smt.True, within: sp.All(), from: i,
				}
				q.ask = func(n *ir.Network, h packet.Header, _ uint16, m mapping) (trace.Verdict, bool) {
					j, ok := m.of(i)
					if !ok {
						return trace.VerdictInvalid, false
					}
					return trace.Groups(n, j, egress, h, nil), true
				}
				if err := s.compare(q); err != nil {
					return err
				}
			}
			s.r.Groups++
		}
	}
	return nil
}
