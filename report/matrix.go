package report

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/reach/query"
)

// mostColumns is how many blocks are drawn as a table; more are listed by
// destination.
const mostColumns = 12

// widestTable is the width in columns up to which a matrix is drawn as one.
const widestTable = 160

// mostFolded is how many blocks are compared with each other; mostReceivers is how
// many destinations text and Markdown list.
const mostFolded, mostReceivers = 400, 100

// MatrixText writes who talks to whom: as a table while it fits, and beyond
// that by destination.
func MatrixText(m *query.Matrix, o Options) string {
	p := &printer{Options: o}
	p.linef("%s", clean(matrixTitle(m)))
	p.WriteByte('\n')
	m = foldedMatrix(m)
	legend := ""
	if grid, prefix := matrixGrid(m); grid != nil {
		for i, line := range grid {
			if i == 0 {
				line = p.look(line, bold)
			}
			p.linef("  %s", line)
		}
		legend = gridLegend(m, prefix)
	} else {
		p.byDestination(m)
		legend = listLegend(m)
	}
	p.WriteByte('\n')
	for _, n := range append([]string{legend}, m.Notes...) {
		p.linef("%s", clean(n))
	}
	return p.String()
}

// foldedMatrix joins blocks that nothing tells apart, where they are few enough
// to compare.
func foldedMatrix(m *query.Matrix) *query.Matrix {
	if len(m.Blocks) > mostFolded {
		return m
	}
	return m.Folded()
}

func matrixTitle(m *query.Matrix) string {
	what := fmt.Sprintf("%s of %s", count(len(m.Blocks)-1, "block"), count(m.Interfaces, "interface"))
	if m.By == "interface" && len(m.Blocks)-1 == m.Interfaces {
		what = count(m.Interfaces, "interface")
	}
	return fmt.Sprintf("who talks to whom, by %s: %s, and the internet", m.By, what)
}

// gridLegend explains a table; its names lack a prefix.
func gridLegend(m *query.Matrix, prefix string) string {
	legend := "Rows send, columns receive: what is answered as well. Bare numbers are tcp ports." + doubtLegend(m)
	if prefix != "" {
		legend += " Names are short for " + prefix + "NAME."
	}
	return legend
}

// listLegend explains a list by destination.
func listLegend(m *query.Matrix) string {
	return "Below each receiver: a service, and who sends it and is answered." + doubtLegend(m)
}

func doubtLegend(m *query.Matrix) string {
	for _, row := range m.Cells {
		if slices.ContainsFunc(row, func(c query.Cell) bool { return len(c.May) > 0 }) {
			return " A question mark: perhaps."
		}
	}
	return ""
}

// matrixGrid is the table of a matrix, the header first, and what all its names
// begin with, which they are shown without. It is nil where a table is too wide.
func matrixGrid(m *query.Matrix) (grid []string, prefix string) {
	if len(m.Blocks) > mostColumns {
		return nil, ""
	}
	names, prefix := shortNames(m.Blocks)
	rows := [][]string{append(append([]string{"from / to"}, names...), "")}
	for i := range m.Blocks {
		row := []string{names[i]}
		for j := range m.Blocks {
			row = append(row, cellText(m.Cells[i][j]))
		}
		rows = append(rows, append(row, ""))
	}
	if grid = table(rows); columns(grid[0]) > widestTable {
		return nil, ""
	}
	return grid, prefix
}

// shortNames are the names of blocks, clean, without the type of resource that
// all of them begin with: "web" for "aws_instance.web".
func shortNames(blocks []query.Block) (names []string, prefix string) {
	names = mapped(blocks, func(b query.Block) string { return clean(b.Name) })
	for i, n := range names[1:] {
		kind, _, ok := strings.Cut(n, ".")
		if kind += "."; !ok || !strings.HasPrefix(kind, "aws_") || i > 0 && kind != prefix {
			return names, ""
		}
		prefix = kind
	}
	for i := range names[1:] {
		names[i+1] = strings.ReplaceAll(names[i+1], prefix, "")
	}
	return names, prefix
}

// cellText is a cell in a few letters: "22 443 udp/53?".
func cellText(c query.Cell) string {
	var out []string
	for _, w := range words(c.Must) {
		out = append(out, strings.TrimPrefix(w, "tcp/"))
	}
	for _, w := range words(c.May) {
		if !slices.Contains(words(c.Must), w) {
			out = append(out, strings.TrimPrefix(w, "tcp/")+"?")
		}
	}
	switch {
	case len(out) == 0:
		return "."
	case len(out) > 4:
		return strings.Join(out[:3], " ") + fmt.Sprintf(" +%d", len(out)-3)
	}
	return strings.Join(out, " ")
}

// receiver is blocks that the same services reach from the same senders.
type receiver struct {
	names []string
	size  int
	lines []senders
}

// exposed reports whether the internet is among the senders, which is the first
// block.
func (r receiver) exposed(m *query.Matrix) bool {
	return slices.ContainsFunc(r.lines, func(l senders) bool { return l.from[0] == m.Blocks[0].Name })
}

// receivers lists what reaches each block, and how many nothing reaches. Where
// there are too many to show, those that the internet reaches come first.
func receivers(m *query.Matrix) (rs []receiver, silent int) {
	at := map[string]int{}
	for j, to := range m.Blocks {
		lines := sendersOf(m, j)
		if len(lines) == 0 {
			silent++
			continue
		}
		key := fmt.Sprint(lines)
		i, ok := at[key]
		if !ok {
			i, at[key] = len(rs), len(rs)
			rs = append(rs, receiver{lines: lines})
		}
		rs[i].names, rs[i].size = append(rs[i].names, to.Name), rs[i].size+to.Size
	}
	if len(rs) > mostReceivers {
		slices.SortStableFunc(rs, func(a, b receiver) int {
			switch x, y := a.exposed(m), b.exposed(m); {
			case x == y:
				return 0
			case x:
				return -1
			}
			return 1
		})
	}
	return rs, silent
}

// byDestination lists what reaches each block: services, and who sends them.
func (p *printer) byDestination(m *query.Matrix) {
	rs, silent := receivers(m)
	for _, r := range rs[:min(len(rs), mostReceivers)] {
		p.linef("%s%s", p.look(clean(namesText(r.names, 4)), bold), blockSize(r.size, len(r.names)))
		var cells [][]string
		for _, l := range r.lines {
			cells = append(cells, []string{clean(l.service), clean(namesText(l.from, 6))})
		}
		for _, line := range table(cells) {
			p.linef("  %s", line)
		}
	}
	if more := moreReceivers(rs); more != "" {
		p.linef("%s", more)
	}
	if silent > 0 {
		p.linef("nothing reaches %s", count(silent, "other block"))
	}
}

// moreReceivers says what a list leaves out.
func moreReceivers(rs []receiver) string {
	n := 0
	for _, r := range rs[min(len(rs), mostReceivers):] {
		n += len(r.names)
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("and %s that others reach; those that the internet reaches came first. --format csv has all, --by subnet or vpc is shorter", count(n, "block"))
}

// blockSize says how many interfaces some blocks hold, where that is more.
func blockSize(interfaces, blocks int) string {
	if interfaces <= blocks {
		return ""
	}
	return fmt.Sprintf("  (%s)", count(interfaces, "interface"))
}

func namesText(names []string, most int) string {
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

// senders is one service of a destination and the blocks that send it.
type senders struct {
	service string
	from    []string
}

func sendersOf(m *query.Matrix, to int) []senders {
	var all []senders
	add := func(from, service string) {
		i := slices.IndexFunc(all, func(s senders) bool { return s.service == service })
		if i < 0 {
			i, all = len(all), append(all, senders{service: service})
		}
		all[i].from = append(all[i].from, from)
	}
	for i, b := range m.Blocks {
		c := m.Cells[i][to]
		sure := words(c.Must)
		for _, w := range sure {
			add(b.Name, w)
		}
		for _, w := range words(c.May) {
			if !slices.Contains(sure, w) {
				add(b.Name, w+"?")
			}
		}
	}
	return all
}

// MatrixMarkdown writes who talks to whom as a Markdown table.
func MatrixMarkdown(m *query.Matrix) string {
	p := &printer{}
	p.linef("### postern: %s", escape(matrixTitle(m)))
	p.linef("")
	m = foldedMatrix(m)
	legend := ""
	if len(m.Blocks) > mostColumns {
		p.linef("| to | service | from |")
		p.linef("|---|---|---|")
		rs, _ := receivers(m)
		for _, r := range rs[:min(len(rs), mostReceivers)] {
			for _, l := range r.lines {
				p.linef("| %s | %s | %s |", escape(namesText(r.names, 4)), escape(l.service), escape(namesText(l.from, 12)))
			}
		}
		legend = "What is answered as well." + doubtLegend(m)
		if more := moreReceivers(rs); more != "" {
			legend += " " + more + "."
		}
	} else {
		p.markdownGrid(m)
		legend = gridLegend(m, "")
	}
	for _, n := range append([]string{legend}, m.Notes...) {
		p.linef("")
		p.linef("%s", escape(n))
	}
	return p.String()
}

func (p *printer) markdownGrid(m *query.Matrix) {
	line := "| from / to |"
	for _, b := range m.Blocks {
		line += " " + escape(b.Name) + " |"
	}
	p.linef("%s", line)
	p.linef("|%s", strings.Repeat("---|", len(m.Blocks)+1))
	for i, b := range m.Blocks {
		line = "| " + escape(b.Name) + " |"
		for j := range m.Blocks {
			line += " " + escape(cellText(m.Cells[i][j])) + " |"
		}
		p.linef("%s", line)
	}
}

// MatrixCSV writes one line for each service between two blocks.
func MatrixCSV(m *query.Matrix) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	lines := [][]string{{"from", "to", "service", "certainty"}}
	for i, from := range m.Blocks {
		for j, to := range m.Blocks {
			c := m.Cells[i][j]
			sure := words(c.Must)
			for _, s := range sure {
				lines = append(lines, []string{csvText(from.Name), csvText(to.Name), s, "definite"})
			}
			for _, s := range words(c.May) {
				if !slices.Contains(sure, s) {
					lines = append(lines, []string{csvText(from.Name), csvText(to.Name), s, "possible"})
				}
			}
		}
	}
	if err := w.WriteAll(lines); err != nil {
		return "", err
	}
	return b.String(), nil
}

// csvText keeps spreadsheets from taking a name for a formula.
func csvText(s string) string {
	s = clean(s)
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
		return "'" + s
	}
	return s
}

type jsonMatrix struct {
	Schema string      `json:"schema"`
	By     string      `json:"by"`
	Blocks []jsonBlock `json:"blocks"`
	Cells  []jsonCell  `json:"cells"`
	Notes  []string    `json:"notes"`
}

type jsonBlock struct {
	Name       string   `json:"name"`
	Interfaces []string `json:"interfaces"`
}

type jsonCell struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Must []string `json:"must"`
	May  []string `json:"may"`
}

// MatrixJSON writes who talks to whom as postern/matrix/v1: cells that are not
// empty. May lists what possibly flows, what surely does included.
func MatrixJSON(m *query.Matrix) (string, error) {
	j := jsonMatrix{
		Schema: matrixSchema, By: m.By, Cells: []jsonCell{}, Notes: mapped(m.Notes, func(s string) string { return s }),
		Blocks: mapped(m.Blocks, func(b query.Block) jsonBlock {
			return jsonBlock{b.Name, mapped(b.Members, func(s string) string { return s })}
		}),
	}
	for i, from := range m.Blocks {
		for k, to := range m.Blocks {
			if c := m.Cells[i][k]; len(c.Must)+len(c.May) > 0 {
				j.Cells = append(j.Cells, jsonCell{from.Name, to.Name, words(c.Must), words(slices.Concat(c.Must, c.May))})
			}
		}
	}
	return encode(j)
}
