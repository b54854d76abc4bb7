package report

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/reach/query"
)

// graph is what the graph formats draw: ends, and arrows between them.
type graph struct {
	nodes []string
	edges []edge
}

// edge is an arrow of a graph: what flows between two ends.
type edge struct {
	from, to string
	label    string
	perhaps  bool
}

func matrixGraph(m *query.Matrix) graph {
	m = foldedMatrix(m)
	var g graph
	for _, b := range m.Blocks {
		g.nodes = append(g.nodes, b.Name)
	}
	for i, from := range m.Blocks {
		for j, to := range m.Blocks {
			c := m.Cells[i][j]
			if len(c.Must) > 0 {
				g.edges = append(g.edges, edge{from.Name, to.Name, serviceWords(c.Must), false})
			}
			if len(c.May) > 0 {
				g.edges = append(g.edges, edge{from.Name, to.Name, serviceWords(c.May), true})
			}
		}
	}
	return g
}

// MatrixDOT writes who talks to whom as a graph for Graphviz; what is not sure is
// dashed.
func MatrixDOT(m *query.Matrix) string { return matrixGraph(m).dot() }

// MatrixMermaid writes who talks to whom as a Mermaid flowchart.
func MatrixMermaid(m *query.Matrix) string { return matrixGraph(m).mermaid() }

// dot writes a graph for Graphviz. What is not sure is drawn dashed.
func (g graph) dot() string {
	p := &printer{}
	p.linef("digraph postern {")
	p.linef("  rankdir=LR;")
	p.linef("  node [shape=box];")
	for _, n := range g.nodes {
		p.linef("  %s;", quoteDOT(n))
	}
	for _, e := range g.edges {
		style := ""
		if e.perhaps {
			style = ", style=dashed"
		}
		p.linef("  %s -> %s [label=%s%s];", quoteDOT(e.from), quoteDOT(e.to), quoteDOT(e.label), style)
	}
	p.linef("}")
	return p.String()
}

func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(s)) + `"`
}

// mostMermaid is how many arrows Mermaid draws unless its maxEdges is set.
const mostMermaid = 500

// mermaid writes a graph as a Mermaid flowchart, which GitHub draws in Markdown.
func (g graph) mermaid() string {
	p := &printer{}
	p.linef("flowchart LR")
	if len(g.edges) > mostMermaid {
		p.linef("  %%%% %s: more than the %d that Mermaid draws by itself; dot and svg have no such limit", count(len(g.edges), "arrow"), mostMermaid)
	}
	id := map[string]string{}
	for i, n := range g.nodes {
		id[n] = fmt.Sprintf("n%d", i+1)
		p.linef("  %s[%s]", id[n], quoteMermaid(n))
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.perhaps {
			arrow = "-.->"
		}
		p.linef("  %s %s|%s| %s", id[e.from], arrow, quoteMermaid(e.label), id[e.to])
	}
	return p.String()
}

// quoteMermaid makes a quoted label. Mermaid writes characters by entity codes.
func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(clean(s)) + `"`
}

// The measures of a drawn matrix, in pixels.
const (
	svgCell   = 22
	svgLetter = 7 // of the font at 12 px, generously
	svgMargin = 16
)

// MatrixSVG draws who talks to whom as a matrix: a dark cell for what surely
// flows, a light one for what may; what it is, is the cell's tooltip.
func MatrixSVG(m *query.Matrix) string {
	title := matrixTitle(m)
	m = foldedMatrix(m)
	longest := 0
	for _, b := range m.Blocks {
		longest = max(longest, columns(clean(b.Name)))
	}
	head := longest*svgLetter + svgMargin
	side := head + len(m.Blocks)*svgCell + svgMargin
	p := &printer{}
	p.linef(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="12">`, side, side+2*svgCell)
	p.linef(`  <title>%s</title>`, escapeXML(title))
	p.linef(`  <rect width="100%%" height="100%%" fill="white"/>`)
	p.linef(`  <pattern id="empty" x="%d" y="%d" width="%d" height="%d" patternUnits="userSpaceOnUse">`, head, head, svgCell, svgCell)
	p.linef(`    <rect x="1" y="1" width="%d" height="%d" fill="#f4f4f4"/>`, svgCell-2, svgCell-2)
	p.linef(`  </pattern>`)
	p.linef(`  <rect x="%d" y="%d" width="%d" height="%d" fill="url(#empty)"/>`, head, head, len(m.Blocks)*svgCell, len(m.Blocks)*svgCell)
	p.linef(`  <text x="%d" y="%d">%s</text>`, svgMargin, side+svgCell, escapeXML(gridLegend(m, "")))
	for i, b := range m.Blocks {
		at := head + i*svgCell
		p.linef(`  <text x="%d" y="%d" text-anchor="end">%s</text>`, head-4, at+15, escapeXML(b.Name))
		p.linef(`  <text transform="translate(%d %d) rotate(-90)">%s</text>`, at+15, head-4, escapeXML(b.Name))
	}
	for i, from := range m.Blocks {
		for j, to := range m.Blocks {
			c := m.Cells[i][j]
			fill := "#1f5fa8"
			switch {
			case len(c.Must)+len(c.May) == 0:
				continue // the pattern shows it
			case len(c.Must) == 0:
				fill = "#a9c8ec"
			}
			p.linef(`  <rect x="%d" y="%d" width="%d" height="%d" fill="%s"><title>%s</title></rect>`,
				head+j*svgCell+1, head+i*svgCell+1, svgCell-2, svgCell-2, fill, escapeXML(from.Name+" > "+to.Name+": "+cellText(c)))
		}
	}
	p.linef(`</svg>`)
	return p.String()
}

func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(clean(s))
}
