package eval

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// Summary is what all answers say together. Two runs on the same bytes give the
// same summary, however the work was divided.
type Summary struct {
	Input string // what was read: "CSV", "VPC flow log"
	Lines int
	// Faults are the first lines that make no sense.
	Faults    []BadLine
	Decisions []Counted // the most frequent first
	// Unused lists the rules and ACL entries that no walk of any packet needed,
	// of Rules.
	Unused []use
	Rules  int
	// Breaking and Opening are the flows of a replay, the most frequent first;
	// MoreFlows rows belong to flows beyond the bound.
	Breaking, Opening []Flow
	MoreFlows         int
	// Before rows were replayed otherwise than was observed under the recorded
	// configuration already: no change is to blame.
	Before int
	// NotBegun rows have no verdict because they do not tell which end began.
	NotBegun int
	// Recorded: the configuration under which rows were recorded was given.
	Recorded bool

	kinds    [record.Faulty + 1]int
	replay   [Unclear + 1]int
	verdicts [trace.Unknown + 1]int
}

// BadLine is a line that makes no sense.
type BadLine struct {
	Line    int
	Message string
}

// Counted is a decision and the number of packets.
type Counted struct {
	Reason
	Count int
}

// Flow is rows of a replay that have their ends, service and decision in
// common.
type Flow struct {
	From, To string
	Service  string // tcp/443
	Reason   *Reason
	// Was is what decided under the recorded configuration; nil when it is not
	// known.
	Was     *Reason
	Count   int
	First   int           // the first line
	Example packet.Header // as it stands there
}

func newSummary(input string) *Summary { return &Summary{Input: input} }

// Of is the number of lines of a kind.
func (s *Summary) Of(k record.Kind) int { return s.kinds[k] }

// Verdict is the number of packets with a verdict.
func (s *Summary) Verdict(v trace.Verdict) int { return s.verdicts[v] }

// Replay is the number of rows with an outcome.
func (s *Summary) Replay(r Replay) int { return s.replay[r] }

// Observed reports whether any row tells what happened.
func (s *Summary) Observed() bool { return s.replay[NotReplayed] < s.kinds[record.Packet] }

// finish makes the lists.
func (j *Judge) finish(s *Summary, flows map[flowKey]*Flow, counts [][]int) {
	for _, d := range j.decisions {
		n := 0
		for _, c := range counts {
			if d.ID < len(c) {
				n += c[d.ID]
			}
		}
		if n == 0 {
			continue // met by a packet of a kind that was not counted
		}
		s.Decisions = append(s.Decisions, Counted{d.Reason, n})
		s.verdicts[d.Verdict] += n
		if d.Cause == begins {
			s.NotBegun += n
		}
	}
	slices.SortFunc(s.Decisions, func(a, b Counted) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.compare(&b.Reason))
	})
	s.Rules = len(j.uses)
	for k, u := range j.uses {
		if !j.used[k] {
			s.Unused = append(s.Unused, u)
		}
	}
	slices.SortFunc(s.Unused, func(a, b use) int {
		return cmp.Or(a.Place.Range.Compare(b.Place.Range), cmp.Compare(a.Address, b.Address))
	})
	for k, f := range flows {
		f.From, f.To, f.Reason = k.from.Text, k.to.Text, &k.decision.Reason
		f.Service = serviceOf(k)
		if k.was != nil {
			f.Was = &k.was.Reason
		}
		if k.replay == Breaks {
			s.Breaking = append(s.Breaking, *f)
		} else {
			s.Opening = append(s.Opening, *f)
		}
	}
	for _, fs := range [][]Flow{s.Breaking, s.Opening} {
		slices.SortFunc(fs, func(a, b Flow) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.First, b.First), cmp.Compare(a.Service, b.Service))
		})
	}
}

// compare orders reasons by place, and totally.
func (r *Reason) compare(o *Reason) int {
	return cmp.Or(
		r.Place.Range.Compare(o.Place.Range), cmp.Compare(r.Rule, o.Rule), cmp.Compare(r.Component, o.Component),
		cmp.Compare(r.Stage, o.Stage), cmp.Compare(r.Verdict, o.Verdict), cmp.Compare(r.Message, o.Message), cmp.Compare(r.Code, o.Code),
		compareBool(r.Reply, o.Reply), cmp.Compare(r.Place.Address, o.Place.Address), cmp.Compare(r.Place.Message, o.Place.Message),
		compareCause(r.Cause, o.Cause),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func compareCause(a, b diag.Cause) int {
	return cmp.Or(a.Range.Compare(b.Range), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Code, b.Code))
}

// serviceOf is what a flow is for: tcp/443, icmp, 50.
func serviceOf(k flowKey) string {
	family := packet.IPv6
	if k.ipv4 {
		family = packet.IPv4
	}
	name := packet.ProtocolName(int16(k.protocol))
	if packet.KindOf(family, k.protocol) == packet.Ported {
		return fmt.Sprintf("%s/%d", name, k.port)
	}
	return name
}

// ByRule adds up the decisions that the same rule made, whatever it decided and
// for whom.
func (s *Summary) ByRule() []Counted {
	type rule struct {
		verdict trace.Verdict
		stage   trace.Stage
		rule    string
		place   diag.Place
		message string
		cause   diag.Cause
	}
	at := map[rule]int{}
	var out []Counted
	for _, d := range s.Decisions {
		k := rule{d.Verdict, d.Stage, d.Rule, d.Place, d.Message, d.Cause}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, d)
			continue
		}
		out[i].Count += d.Count
		if out[i].Component != d.Component {
			out[i].Component = "" // of several
		}
	}
	slices.SortStableFunc(out, func(a, b Counted) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
