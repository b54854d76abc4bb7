package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
)

// Chains is the answer about what can be reached step by step.
type Chains struct {
	From, To string // what the ends are called
	Chains   []query.Chain
	Exit     Exit
}

// mostChains is how many chains text shows.
const mostChains = 20

// ChainsText writes the chains, the shortest first, with what lets each flow
// through.
func ChainsText(c Chains, o Options) string {
	p := &printer{Options: o}
	folded := foldChains(c.Chains)
	if len(folded) == 0 {
		p.linef("%s: no chain of flows leads from %s to %s", p.look("deny", bold+";"+red), clean(askedName(c.From)), clean(askedName(c.To)))
	} else {
		verdict := trace.Unknown
		if slices.ContainsFunc(c.Chains, query.Chain.Sure) {
			verdict = trace.Allow
		}
		p.linef("%s: %s of flows from %s to %s; the shortest has %s", p.look(verdict.String(), verdictLook(verdict)),
			count(len(folded), "chain"), clean(askedName(c.From)), clean(askedName(c.To)), count(len(folded[0].Steps), "hop"))
	}
	for i, f := range folded[:min(len(folded), mostChains)] {
		p.WriteByte('\n')
		p.linef("%d  %s", i+1, clean(f.title(c)))
		var cells [][]string
		for _, s := range f.Steps {
			cells = append(cells, []string{clean(stepName(s.From, askedName(c.From))), "> " + clean(stepName(s.To, askedName(c.To))+stepVia(s)), clean(stepServices(s)), clean(stepPlaces(s))})
		}
		for _, line := range table(cells) {
			p.linef("   %s", line)
		}
		if len(f.Cuts) > 0 {
			p.linef("   %s  every chain to it leads through %s", p.look("cut", bold), clean(namesText(mapped(f.Cuts, nicName), 6)))
		}
	}
	if n := len(folded) - mostChains; n > 0 {
		p.WriteByte('\n')
		p.linef("and %s; --format json lists them all", count(n, "more chain"))
	}
	if c.Exit.Status != 0 {
		p.WriteByte('\n')
		p.linef("%s", clean(c.Exit.Words))
	}
	return p.String()
}

// foldedChain is chains that differ in the index of their interfaces only.
type foldedChain struct {
	query.Chain
	more int
}

func foldChains(cs []query.Chain) []foldedChain {
	var out []foldedChain
	at := map[string]int{}
	for _, c := range cs {
		var key strings.Builder
		for _, s := range c.Steps {
			fmt.Fprint(&key, unindexed(stepName(s.From, "")), ">", unindexed(stepName(s.To, "")), stepServices(s), ";")
		}
		if i, ok := at[key.String()]; ok {
			out[i].more++
			continue
		}
		at[key.String()] = len(out)
		out = append(out, foldedChain{Chain: c})
	}
	return out
}

// unindexed is the address of the block that makes a thing.
func unindexed(name string) string {
	mark := "["
	if strings.HasSuffix(name, `"]`) {
		mark = `["` // a key may hold brackets
	}
	if i := strings.LastIndex(name, mark); i > 0 && strings.HasSuffix(name, "]") {
		return name[:i]
	}
	return name
}

func (f foldedChain) title(c Chains) string {
	last := f.Steps[len(f.Steps)-1]
	text := fmt.Sprintf("%s in %s", stepName(last.To, c.To), count(len(f.Steps), "hop"))
	if !f.Sure() {
		text += ", perhaps"
	}
	if f.more > 0 {
		text += fmt.Sprintf(" (and %d like it)", f.more)
	}
	return text
}

// stepName is what an end of a step is called; a host outside is called as the
// question does.
func stepName(i *ir.Interface, outside string) string {
	if i == nil {
		return outside
	}
	return nicName(i)
}

func stepServices(s query.Step) string {
	if s.Sure() {
		return serviceWords(s.Must)
	}
	return serviceWords(s.May) + "?"
}

// stepVia names the load balancers that a step goes through.
func stepVia(s query.Step) string {
	var via []string
	for _, h := range s.Result.Forward.Hops {
		if h.Stage == trace.StageLoadBalancer && !slices.Contains(via, h.Component) {
			via = append(via, h.Component)
		}
	}
	if len(via) == 0 {
		return ""
	}
	return " through " + strings.Join(via, " and ")
}

// stepPlaces names the lines that let a step's packet in at its end.
func stepPlaces(s query.Step) string {
	var at []string
	for _, h := range s.Result.Forward.Hops {
		if h.Stage != trace.StageSGIngress && h.Stage != trace.StageService {
			continue
		}
		if line := h.Place.Range.Line(); line != "" && !slices.Contains(at, line) {
			at = append(at, line)
		}
	}
	return strings.Join(at, ", ")
}

type jsonChains struct {
	Schema string      `json:"schema"`
	From   string      `json:"from"`
	To     string      `json:"to"`
	Chains []jsonChain `json:"chains"`
}

type jsonChain struct {
	Certainty string     `json:"certainty"`
	Hops      []jsonStep `json:"hops"`
	Cuts      []string   `json:"cuts"`
}

type jsonStep struct {
	From    string      `json:"from"`
	To      string      `json:"to"`
	Must    []string    `json:"must"`
	May     []string    `json:"may"`
	Witness *jsonHeader `json:"witness"`
}

// ChainsJSON writes chains as postern/chains/v1.
func ChainsJSON(c Chains) (string, error) {
	return encode(jsonChains{
		Schema: chainsSchema, From: c.From, To: c.To,
		Chains: mapped(c.Chains, func(x query.Chain) jsonChain {
			certainty := "possible"
			if x.Sure() {
				certainty = "definite"
			}
			return jsonChain{certainty, mapped(x.Steps, stepOf), mapped(x.Cuts, nicName)}
		}),
	})
}

func stepOf(s query.Step) jsonStep {
	j := jsonStep{From: endName(s.From), To: endName(s.To), Must: words(s.Must), May: words(slices.Concat(s.Must, s.May))}
	if s.Header.Src.IsValid() {
		h := headerOf(s.Header)
		j.Witness = &h
	}
	return j
}

// ChainsMarkdown writes chains as Markdown lists.
func ChainsMarkdown(c Chains) string {
	p := &printer{}
	folded := foldChains(c.Chains)
	p.linef("### postern: %s from %s to %s", count(len(folded), "chain"), escape(askedName(c.From)), escape(askedName(c.To)))
	for i, f := range folded[:min(len(folded), mostRows)] {
		p.linef("")
		p.linef("%d. %s", i+1, escape(f.title(c)))
		for _, s := range f.Steps {
			p.linef("   - %s > %s: %s %s", escape(stepName(s.From, askedName(c.From))), escape(stepName(s.To, askedName(c.To))+stepVia(s)), escape(stepServices(s)), code(stepPlaces(s)))
		}
		if len(f.Cuts) > 0 {
			p.linef("   - every chain to it leads through %s", escape(namesText(mapped(f.Cuts, nicName), 6)))
		}
	}
	return p.String()
}

// chainGraph draws the steps of all chains.
func chainGraph(c Chains) graph {
	var g graph
	for _, x := range c.Chains {
		for _, s := range x.Steps {
			from, to := stepName(s.From, askedName(c.From)), stepName(s.To, askedName(c.To))
			for _, n := range []string{from, to} {
				if !slices.Contains(g.nodes, n) {
					g.nodes = append(g.nodes, n)
				}
			}
			e := edge{from, to, stepServices(s), !s.Sure()}
			if !slices.Contains(g.edges, e) {
				g.edges = append(g.edges, e)
			}
		}
	}
	return g
}

// ChainsDOT writes the steps of all chains as a graph for Graphviz.
func ChainsDOT(c Chains) string { return chainGraph(c).dot() }

// ChainsMermaid writes the steps of all chains as a Mermaid flowchart.
func ChainsMermaid(c Chains) string { return chainGraph(c).mermaid() }
