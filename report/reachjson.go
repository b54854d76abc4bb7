package report

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/query"
)

type jsonReach struct {
	Schema    string          `json:"schema"`
	Verdict   string          `json:"verdict"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Forward   jsonBand        `json:"forward"`
	Complete  jsonBand        `json:"complete"`
	Blocked   jsonBand        `json:"blocked_replies"`
	Witness   *jsonWitnessOf  `json:"witness"`
	Blockers  []jsonStage     `json:"blockers"`
	Because   []jsonCause     `json:"because"`
	Pairs     []jsonReachPair `json:"pairs"`
	Notes     []string        `json:"notes"`
	Disagreed []string        `json:"disagreements,omitempty"`
}

type jsonBand struct {
	Must []jsonBox `json:"must"`
	May  []jsonBox `json:"may"`
}

type jsonBox struct {
	Src      []string   `json:"src"`
	Dst      []string   `json:"dst"`
	Protocol string     `json:"protocol"`
	SrcPort  *jsonPorts `json:"sport"`
	DstPort  *jsonPorts `json:"dport"`
	ICMPType *jsonPorts `json:"icmp_type,omitempty"`
	ICMPCode *jsonPorts `json:"icmp_code,omitempty"`
}

type jsonPorts struct {
	From int `json:"from"`
	To   int `json:"to"`
}

type jsonWitnessOf struct {
	jsonHeader
	SrcOf    string   `json:"src_of"`
	DstOf    string   `json:"dst_of"`
	Floating []string `json:"representative"`
	Verdict  string   `json:"verdict"`
}

type jsonStage struct {
	Stage     string        `json:"stage"`
	Component string        `json:"component"`
	Code      *string       `json:"code"`
	Message   string        `json:"message"`
	Reply     bool          `json:"reply"`
	Location  *jsonLocation `json:"location"`
}

// jsonReachPair is one pair of ends, with the services that flow: "tcp/443".
type jsonReachPair struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Verdict string   `json:"verdict"`
	Must    []string `json:"must"`
	May     []string `json:"may"`
}

// ReachJSON writes what flows between two ends as postern/reach/v1. May lists
// everything that may flow, what surely does included.
func ReachJSON(r Reach) (string, error) {
	a := r.Answer
	j := jsonReach{
		Schema: reachSchema, Verdict: a.Verdict.String(), From: r.From, To: r.To,
		Forward: bandOf(r.Lists.Forward), Complete: bandOf(r.Lists.Complete), Blocked: bandOf(r.Lists.Blocked),
		Blockers: mapped(a.Blockers, stageOf), Because: []jsonCause{}, Notes: mapped(r.Notes, func(s string) string { return s }),
		Pairs: mapped(r.Links, func(l query.Link) jsonReachPair {
			return jsonReachPair{endName(l.From), linkEnd(l), l.Verdict.String(), words(l.Must), words(slices.Concat(l.Must, l.May))}
		}),
		Disagreed: a.Disagreements,
	}
	if s := a.Shown; s != nil {
		j.Witness = &jsonWitnessOf{
			jsonHeader: headerOf(s.Header), SrcOf: endName(s.From.Interface), DstOf: endName(s.To.Interface),
			Floating: mapped(s.Floating, func(s string) string { return s }), Verdict: s.Result.Verdict.String(),
		}
		j.Because = mapped(s.Result.Because, causeOfUnknown)
	}
	return encode(j)
}

// outsideName is the name of a host outside every VPC.
const outsideName = "outside"

// linkEnd is what the receiver of a pair is called: AWS's own services are no
// way out of the network.
func linkEnd(l query.Link) string {
	if l.Own {
		return "AWS's own services"
	}
	return endName(l.To)
}

func endName(i *ir.Interface) string {
	if i == nil {
		return outsideName
	}
	return nicName(i)
}

func stageOf(s query.Blocker) jsonStage {
	return jsonStage{string(s.Kind), s.Component, orNull(s.Code), s.Message, s.Reply, locationOf(s.Place.Range)}
}

func bandOf(r query.Rows) jsonBand {
	return jsonBand{Must: mapped(r.Must, boxOf), May: mapped(slices.Concat(r.Must, r.May), boxOf)}
}

func boxOf(r query.Row) jsonBox {
	text := func(p netip.Prefix) string { return p.String() }
	b := jsonBox{Src: mapped(r.Src, text), Dst: mapped(r.Dst, text), Protocol: protocolsName(r)}
	switch protocolsKind(r) {
	case packet.Ported:
		b.SrcPort, b.DstPort = rangeOf(r.SrcPort), rangeOf(r.DstPort)
	case packet.Typed:
		types, codes := ir.Ports{Lo: r.DstPort.Lo >> 8, Hi: r.DstPort.Hi >> 8}, ir.Ports{Lo: 0, Hi: 255}
		if types.Lo == types.Hi {
			codes = ir.Ports{Lo: r.DstPort.Lo & 255, Hi: r.DstPort.Hi & 255}
		}
		b.ICMPType, b.ICMPCode = rangeOf(types), rangeOf(codes)
	case packet.Plain, packet.KindInvalid:
	}
	return b
}

func rangeOf(p ir.Ports) *jsonPorts { return &jsonPorts{int(p.Lo), int(p.Hi)} }
