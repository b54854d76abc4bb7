package query

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/pairs"
	"github.com/postern-dev/postern/solver"
)

// Matrix says who talks to whom, between blocks of interfaces and the internet.
type Matrix struct {
	By         string // what makes the blocks: "group", "subnet", "tag:tier"
	Interfaces int
	// Blocks are in the order of their names, the internet first.
	Blocks []Block
	// Cells hold what flows from a block to another, or between its own
	// interfaces, by index of Blocks.
	Cells [][]Cell
	Notes []string
}

// Block is what one row and one column stand for.
type Block struct {
	Name    string
	Members []string // the interfaces' names
	Size    int
}

// Cell is the services that flow and are answered: surely, or possibly only.
type Cell struct{ Must, May []Row }

// Partitions lists what interfaces can be taken together by.
var Partitions = []string{"interface", "group", "subnet", "vpc", "tag:KEY"}

// Blocks of a partition: the name of the block that an interface belongs to.
func blockOf(by string, i *ir.Interface) string {
	switch {
	case by == "interface":
		return endpoint.InterfaceName(i)
	case by == "subnet":
		return choiceName(i.Subnet, func(s *ir.Subnet) string { return cmp.Or(s.Origin.Address, s.ID, s.Name) })
	case by == "vpc":
		var names []string
		for _, s := range i.Subnet.Of {
			names = append(names, choiceName(s.VPC, func(v *ir.VPC) string { return cmp.Or(v.Origin.Address, v.ID, v.Name) }))
		}
		return joinNames(names)
	case strings.HasPrefix(by, "tag:"):
		key := strings.TrimPrefix(by, "tag:")
		if v, ok := i.Tags[key]; ok {
			return v
		}
		return "(no tag " + key + ")"
	}
	var names []string
	for _, g := range i.Groups.Sure {
		names = append(names, cmp.Or(g.Origin.Address, g.ID, g.Name))
	}
	for _, g := range i.Groups.Maybe {
		names = append(names, cmp.Or(g.V.Origin.Address, g.V.ID, g.V.Name)+"?")
	}
	if i.Groups.Open != nil {
		names = append(names, "?")
	}
	if len(names) == 0 {
		return "(no groups)"
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " + ")
}

func choiceName[T any](c ir.Choice[T], name func(T) string) string {
	var names []string
	for _, v := range c.Of {
		names = append(names, name(v))
	}
	if c.Open != nil {
		names = append(names, "?")
	}
	return joinNames(names)
}

func joinNames(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "?"
	}
	return strings.Join(names, " or ")
}

// MaxBlocks bounds the blocks of a matrix: it takes some hundred bytes for each
// two.
const MaxBlocks = 3000

// TooManyBlocksError says that a partition has more blocks than a matrix shows.
type TooManyBlocksError struct {
	By     string
	Blocks int
}

func (e *TooManyBlocksError) Error() string {
	return fmt.Sprintf("by %s there are %d blocks, and a matrix shows up to %d; take more interfaces together, by vpc, subnet or a tag", e.By, e.Blocks, MaxBlocks)
}

// internetName is the block of everybody outside.
const internetName = "internet"

// NewMatrix computes who talks to whom. Partitions says what by may be. A cell
// holds what flows directly, to private addresses and to public ones; of what
// goes through a load balancer, the cell to the load balancer holds the one part
// and the cell from there to its targets the other. What surely flows does
// whichever addresses and subnets AWS picks. The error is a
// *TooManyBlocksError, the context's, or package solver's.
func NewMatrix(ctx context.Context, m *reach.Model, by string) (*Matrix, error) {
	x := &Matrix{By: by, Interfaces: len(m.Net.Interfaces)}
	at := x.partition(m.Net, by)
	if n := len(x.Blocks) - 1; n > MaxBlocks {
		return nil, &TooManyBlocksError{by, n}
	}
	x.Cells = make([][]Cell, len(x.Blocks))
	for i := range x.Cells {
		x.Cells[i] = make([]Cell, len(x.Blocks))
	}
	index, err := pairs.Compile(ctx, m.Net)
	if err != nil {
		return nil, err
	}
	if err := x.inside(ctx, index, at); err != nil {
		return nil, err
	}
	return x, x.internet(ctx, m, index, at)
}

// partition makes the blocks, and says which an interface belongs to.
func (x *Matrix) partition(n *ir.Network, by string) map[*ir.Interface]int {
	blocks := map[string]*Block{}
	for _, i := range n.Interfaces {
		name := blockOf(by, i)
		b := blocks[name]
		if b == nil {
			b = &Block{Name: name}
			blocks[name] = b
		}
		b.Size++
		if own := endpoint.InterfaceName(i); !slices.Contains(b.Members, own) {
			b.Members = append(b.Members, own)
		}
	}
	for _, b := range blocks {
		slices.Sort(b.Members)
		x.Blocks = append(x.Blocks, *b)
	}
	slices.SortFunc(x.Blocks, func(a, b Block) int { return cmp.Compare(a.Name, b.Name) })
	x.Blocks = slices.Insert(x.Blocks, 0, Block{Name: internetName, Members: []string{}})
	index := map[string]int{}
	for i, b := range x.Blocks[1:] {
		index[b.Name] = i + 1
	}
	at := map[*ir.Interface]int{}
	for _, i := range n.Interfaces {
		at[i] = index[blockOf(by, i)]
	}
	return at
}

// inside fills the cells between interfaces.
func (x *Matrix) inside(ctx context.Context, index *pairs.Index, at map[*ir.Interface]int) error {
	parts := make([]pairs.Part, len(x.Blocks))
	for k, b := range x.Blocks {
		parts[k].Name = b.Name
	}
	for _, i := range index.Net.Interfaces {
		parts[at[i]].Interfaces = append(parts[at[i]].Interfaces, i)
	}
	m, err := index.Matrix(ctx, parts, false)
	if err != nil {
		return err
	}
	public, err := x.public(ctx, index, at)
	if err != nil {
		return err
	}
	for _, f := range packet.Families {
		t := index.Table(f)
		if t == nil {
			continue
		}
		for from := range x.Cells {
			for to := range x.Cells[from] {
				all := []pairs.Band{m.Cell(f, from, to).Complete}
				if f == packet.IPv4 {
					all = append(all, public[[2]int{from, to}]...)
				}
				x.Cells[from][to].add(t.Universe, all)
			}
		}
	}
	return nil
}

// add adds the services of one family.
func (c *Cell) add(u *pairs.Universe, all []pairs.Band) {
	must, may, some := make([]uint64, u.Words), make([]uint64, u.Words), uint64(0)
	for _, b := range all {
		for w, m := range b.May.Mask() {
			may[w] |= m
			some |= m
		}
		for w, m := range b.Must.Mask() {
			must[w] |= m
		}
	}
	if some == 0 {
		return
	}
	for w := range may {
		may[w] &^= must[w]
	}
	c.Must, c.May = append(c.Must, serviceRows(u, must)...), append(c.May, serviceRows(u, may)...)
}

// public finds what flows between blocks by way of public addresses.
func (x *Matrix) public(ctx context.Context, index *pairs.Index, at map[*ir.Interface]int) (map[[2]int][]pairs.Band, error) {
	p, err := index.Public(ctx, nil)
	if err != nil {
		return nil, err
	}
	if p.Left > 0 {
		x.Notes = append(x.Notes, fmt.Sprintf("what flows to public addresses is left out for %d of %d kinds of pairs of interfaces", p.Left, p.Left+pairs.MaxPublic))
	}
	blocks := make([]map[int]int, len(p.Kinds)) // how many interfaces of a block
	for k, is := range p.Kinds {
		blocks[k] = map[int]int{}
		for _, i := range is {
			blocks[k][at[i]]++
		}
	}
	flows := map[[2]int][]pairs.Band{}
	for _, f := range p.Flows {
		for from := range blocks[f.From] {
			for to, n := range blocks[f.To] {
				if f.From == f.To && from == to && n < 2 {
					continue // an interface and itself
				}
				k := [2]int{from, to}
				if !slices.Contains(flows[k], f.Complete) {
					flows[k] = append(flows[k], f.Complete)
				}
			}
		}
	}
	return flows, nil
}

// serviceRows writes services as rows without addresses.
func serviceRows(u *pairs.Universe, mask []uint64) []Row {
	services := u.Of(mask)
	everyone := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	if u.Family == packet.IPv6 {
		everyone[0] = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	base := Row{Family: u.Family, Src: everyone, Dst: everyone, SrcPort: ir.AllPorts}
	if services.All() {
		base.Protocols, base.DstPort, base.Any = ir.Ports{Lo: 0, Hi: 255}, ir.AllPorts, true
		return []Row{base}
	}
	var out []Row
	for _, a := range services.Ranges() {
		r := base
		r.Protocols = ir.Ports{Lo: uint16(a.Protocol), Hi: uint16(a.Protocol)}
		if a.Protocol < 0 {
			r.Protocols, r.Others = ir.Ports{Lo: 0, Hi: 255}, true
		}
		for _, p := range a.Ports {
			r.DstPort = p
			out = append(out, r)
		}
	}
	return out
}

// internet fills the first row and the first column. It asks once for all
// interfaces of a kind.
func (x *Matrix) internet(ctx context.Context, m *reach.Model, index *pairs.Index, at map[*ir.Interface]int) error {
	for _, f := range packet.Families {
		t := index.Table(f)
		if t == nil {
			continue
		}
		s, kinds := m.Space(f), t.Kinds()
		known := map[int]*outside{}
		blocks := make([][]*outside, len(x.Blocks))
		for _, i := range m.Net.Interfaces {
			k, ok := kinds[i]
			if !ok {
				continue
			}
			o := known[k]
			if o == nil {
				var err error
				if o, err = outsideOf(ctx, m, i, f); err != nil {
					return err
				}
				known[k] = o
			}
			if b := at[i]; !slices.Contains(blocks[b], o) {
				blocks[b] = append(blocks[b], o)
			}
		}
		for b, os := range blocks {
			var in, out [2][]solver.Set
			for _, o := range os {
				for k := range in {
					in[k], out[k] = append(in[k], o.in[k]), append(out[k], o.out[k])
				}
			}
			x.Cells[0][b].join(s, in)
			x.Cells[b][0].join(s, out)
		}
		if err := s.Err(); err != nil {
			return err
		}
	}
	return nil
}

// outside is the services that an interface surely, and possibly, gives to the
// internet and uses there.
type outside struct{ in, out [2]solver.Set }

func outsideOf(ctx context.Context, m *reach.Model, i *ir.Interface, f packet.Family) (*outside, error) {
	s := m.Space(f)
	e, err := m.Exposure(ctx, i, f)
	if err != nil {
		return nil, err
	}
	flow, err := m.Flow(ctx, i, nil, f)
	if err != nil {
		return nil, err
	}
	from := m.Internet(f)
	to := s.Of(toInternet(s, from)...)
	return &outside{
		in: [2]solver.Set{
			serviceSet(s, surely(s, e.Flow, e.Open.Must, from)),
			serviceSet(s, s.Intersect(e.Open.May, from)),
		},
		out: [2]solver.Set{
			serviceSet(s, surely(s, flow, flow.Complete.Must, to)),
			serviceSet(s, s.Intersect(flow.Complete.May, to)),
		},
	}, nil
}

// join adds the union of what surely, and possibly, flows.
func (c *Cell) join(s *solver.Space, sets [2][]solver.Set) {
	must := s.Union(sets[0]...)
	c.Must = append(c.Must, rows(s, must)...)
	c.May = append(c.May, rows(s, s.Difference(s.Union(sets[1]...), must))...)
}

// toInternet are the headers to the internet, given those from it.
func toInternet(s *solver.Space, from solver.Set) []solver.Box {
	var boxes []solver.Box
	for b := range s.Boxes(from) {
		e := solver.Everything(s.Family())
		e.Dst = b.Src
		boxes = append(boxes, e)
	}
	return boxes
}

// Folded joins blocks that nothing tells apart: what they send, and what they
// receive, is the same.
func (x *Matrix) Folded() *Matrix {
	key := func(i int) string {
		var b strings.Builder
		for j := range x.Blocks {
			fmt.Fprint(&b, x.Cells[i][j], x.Cells[j][i], ";")
		}
		return b.String()
	}
	first := map[string]int{}
	y := &Matrix{By: x.By, Interfaces: x.Interfaces, Notes: x.Notes}
	var keep []int
	for i, b := range x.Blocks {
		k := key(i)
		at, ok := first[k]
		// Blocks that talk to each other, or within themselves, stay apart: a
		// joined one would say that its members do.
		if !ok || len(x.Cells[i][i].Must)+len(x.Cells[i][i].May) > 0 || i == 0 {
			first[k] = len(y.Blocks)
			keep, y.Blocks = append(keep, i), append(y.Blocks, b)
			continue
		}
		o := &y.Blocks[at]
		o.Members, o.Size = slices.Concat(o.Members, b.Members), o.Size+b.Size
		base, more, _ := strings.Cut(o.Name, " and ")
		n := 1
		if _, err := fmt.Sscanf(more, "%d like it", &n); err == nil {
			n++
		}
		o.Name = fmt.Sprintf("%s and %d like it", base, n)
	}
	for _, i := range keep {
		var row []Cell
		for _, j := range keep {
			row = append(row, x.Cells[i][j])
		}
		y.Cells = append(y.Cells, row)
	}
	return y
}
