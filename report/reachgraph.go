package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/reach/query"
)

// ReachMarkdown writes what flows as Markdown: the sentence, the packets as a
// table, and what stops the rest.
func ReachMarkdown(r Reach) string {
	p := &printer{}
	p.linef("### postern: %s", escape(r.Answer.Verdict.String()+", "+r.sentence()))
	if pairs := r.pairs(); pairs != "" {
		p.linef("")
		p.linef("%s", escape(pairs))
	}
	p.markdownLines("", r.Table.Must)
	p.markdownLines("Perhaps:", r.Table.May)
	if r.showsBlocked() {
		p.markdownLines("Arrives, and its replies are dropped:", r.Table.Blocked)
	}
	if len(r.Answer.Blockers) > 0 {
		p.linef("")
		p.linef("| | what stops it | where |")
		p.linef("|---|---|---|")
		for i, b := range r.Answer.Blockers {
			p.linef("| %d | %s | %s |", i+1, escape(b.Message+blockerMark(b)), code(b.Place.Range.Line()))
		}
	}
	if s := r.Answer.Shown; s != nil {
		p.linef("")
		p.linef("For example %s: %s.", code(s.Header.String()), s.Result.Verdict)
	}
	for _, n := range r.notes() {
		p.linef("")
		p.linef("%s", escape(n))
	}
	return p.String()
}

func (p *printer) markdownLines(title string, rows []query.Line) {
	if len(rows) == 0 {
		return
	}
	p.linef("")
	if title != "" {
		p.linef("%s", title)
		p.linef("")
	}
	p.linef("| protocol | from | to | port | client ports |")
	p.linef("|---|---|---|---|---|")
	for _, r := range rows[:min(len(rows), mostRows)] {
		cells := lineCells(r)
		for i := range cells {
			cells[i] = escape(cells[i])
		}
		p.linef("| %s |", strings.Join(cells, " | "))
	}
	if n := len(rows) - mostRows; n > 0 {
		p.linef("")
		p.linef("And %s; the JSON output lists them all.", count(n, "more line"))
	}
}

// edges are the arrows of a reach answer: one for what surely flows between two
// ends and one for what may, in the order of the pairs.
func (r Reach) edges() []edge {
	var es []edge
	for _, l := range r.Links {
		if l.Own {
			continue
		}
		from, to := r.names(l)
		for _, kind := range []struct {
			rows    []query.Row
			perhaps bool
		}{{l.Must, false}, {l.May, true}} {
			e := edge{from, to, serviceWords(kind.rows), kind.perhaps}
			if len(kind.rows) > 0 && !slices.Contains(es, e) { // two interfaces of one thing
				es = append(es, e)
			}
		}
	}
	return es
}

// mostWords is how many services an arrow names.
const mostWords = 6

// words names services: tcp/443, udp/53. IPv4 and IPv6 that are the same are
// said once.
func words(rows []query.Row) []string {
	all := []string{}
	for _, r := range rows {
		if w := serviceWord(r); !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// serviceWords names a few services: "tcp/443, udp/53 and 3 more".
func serviceWords(rows []query.Row) string {
	all := words(rows)
	if n := len(all) - mostWords; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:mostWords], ", "), n)
	}
	return strings.Join(all, ", ")
}

// serviceWord names the service of a line: tcp/443, icmp/8, all.
func serviceWord(r query.Row) string {
	protocol, port, _ := serviceCells(r)
	if port != "" && port != "all" {
		return protocol + "/" + port
	}
	return protocol
}

// ReachDOT writes what flows as a graph for Graphviz. What is not sure is drawn
// dashed; ends that nothing connects stand by themselves.
func ReachDOT(r Reach) string { return r.graph().dot() }

// ReachMermaid writes what flows as a Mermaid flowchart.
func ReachMermaid(r Reach) string { return r.graph().mermaid() }

func (r Reach) graph() graph { return graph{r.nodes(), r.edges()} }

// nodes are the ends, in the order in which they come up.
func (r Reach) nodes() []string {
	var names []string
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, l := range r.Links {
		from, to := r.names(l)
		add(from)
		if !l.Own {
			add(to)
		}
	}
	return names
}

// names are what the ends of a pair are called.
func (r Reach) names(l query.Link) (from, to string) {
	from, to = endName(l.From), endName(l.To)
	if l.From == nil && r.From != "any" {
		from = r.From
	}
	if l.To == nil && r.To != "any" {
		to = r.To
	}
	return from, to
}
