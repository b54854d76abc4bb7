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

// MatrixText writes who talks to whom: as a table while it fits, and beyond
// that by destination.
func MatrixText(m *query.Matrix, o Options) string {
	p := &printer{Options: o}
	p.linef("%s", clean(matrixTitle(m)))
	p.WriteByte('\n')
	m = m.Folded()
	if grid := matrixGrid(m); len(m.Blocks) <= mostColumns && columns(grid[0]) <= widestTable {
		for i, line := range grid {
			if i == 0 {
				line = p.look(line, bold)
			}
			p.linef("  %s", line)
		}
	} else {
		p.byDestination(m)
	}
	p.WriteByte('\n')
	p.linef("%s", clean(matrixLegend(m)))
	for _, n := range m.Notes {
		p.linef("%s", clean(n))
	}
	return p.String()
}

func matrixTitle(m *query.Matrix) string {
	return fmt.Sprintf("who talks to whom, by %s: %s of %s, and the internet", m.By, count(len(m.Blocks)-1, "block"), count(m.Interfaces, "interface"))
}

func matrixLegend(m *query.Matrix) string {
	legend := "Rows send, columns receive: what is answered as well. Bare numbers are tcp ports."
	for _, row := range m.Cells {
		if slices.ContainsFunc(row, func(c query.Cell) bool { return len(c.May) > 0 }) {
			return legend + " A question mark: perhaps, for something is unknown."
		}
	}
	return legend
}

// matrixGrid is the table of a matrix, the header first.
func matrixGrid(m *query.Matrix) []string {
	header := []string{"from / to"}
	for _, b := range m.Blocks {
		header = append(header, clean(b.Name))
	}
	rows := [][]string{append(header, "")}
	for i, b := range m.Blocks {
		row := []string{clean(b.Name)}
		for j := range m.Blocks {
			row = append(row, cellText(m.Cells[i][j]))
		}
		rows = append(rows, append(row, ""))
	}
	return table(rows)
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

// byDestination lists what reaches each block: services, and who sends them.
func (p *printer) byDestination(m *query.Matrix) {
	for j, to := range m.Blocks {
		lines := sendersOf(m, j)
		if len(lines) == 0 {
			continue
		}
		p.linef("%s%s", p.look(clean(to.Name), bold), clean(blockSize(to)))
		var cells [][]string
		for _, l := range lines {
			cells = append(cells, []string{clean(l.service), clean(namesText(l.from, 6))})
		}
		for _, line := range table(cells) {
			p.linef("  %s", line)
		}
	}
	silent := 0
	for j := range m.Blocks {
		if len(sendersOf(m, j)) == 0 {
			silent++
		}
	}
	if silent > 0 {
		p.linef("nothing reaches %s", count(silent, "other block"))
	}
}

func blockSize(b query.Block) string {
	if b.Size < 2 {
		return ""
	}
	return fmt.Sprintf("  (%s)", count(b.Size, "interface"))
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
	perhaps bool
	from    []string
}

func sendersOf(m *query.Matrix, to int) []senders {
	var all []senders
	add := func(from, service string, perhaps bool) {
		i := slices.IndexFunc(all, func(s senders) bool { return s.service == service })
		if i < 0 {
			i, all = len(all), append(all, senders{service: service, perhaps: perhaps})
		}
		all[i].from = append(all[i].from, from)
	}
	for i, b := range m.Blocks {
		c := m.Cells[i][to]
		sure := words(c.Must)
		for _, w := range sure {
			add(b.Name, w, false)
		}
		for _, w := range words(c.May) {
			if !slices.Contains(sure, w) {
				add(b.Name, w+"?", true)
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
	m = m.Folded()
	if len(m.Blocks) > mostColumns {
		p.linef("| to | service | from |")
		p.linef("|---|---|---|")
		for j, to := range m.Blocks {
			for _, l := range sendersOf(m, j) {
				p.linef("| %s | %s | %s |", escape(to.Name), escape(l.service), escape(namesText(l.from, 12)))
			}
		}
	} else {
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
	p.linef("")
	p.linef("%s", escape(matrixLegend(m)))
	for _, n := range m.Notes {
		p.linef("")
		p.linef("%s", escape(n))
	}
	return p.String()
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
