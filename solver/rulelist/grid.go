package rulelist

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// grid is the cross product for lists that look at one address, the protocol
// and the destination port, as those of AWS do. Addresses that all entries
// treat alike are one class, services (protocol and port) likewise; the table
// holds the first entry for every pair of classes.
//
//	              tcp/22  tcp/443  other
//	10.0.0.0/24      0       1       3
//	10.0.1.0/24      2       1       3
//	elsewhere        -       1       -
type grid struct {
	dst      bool // the address is the destination
	address  pages
	wide     []packet.Value // bounds, in IPv6 instead of pages
	class    []uint16       // class of each interval between bounds
	service  [256]int32     // page of a protocol's ports; ^class when it has none
	port     pages
	services int
	first    []uint16 // entry+1 by address class × services + service class
}

// pages maps numbers to classes over two to four levels of 256 values each.
// Equal pages are one.
type pages struct {
	top   []uint16 // by the upper 8 bits: a class, or a page
	pages [][256]uint16
	known map[[256]uint16]uint16
}

func (p *pages) add(page [256]uint16) uint16 {
	if k, ok := p.known[page]; ok {
		return k
	}
	if p.known == nil {
		p.known = map[[256]uint16]uint16{}
	}
	k := uint16(len(p.pages))
	p.known[page] = k
	p.pages = append(p.pages, page)
	return k
}

// mostClasses bounds the address classes: their numbers and those of pages
// share 16 bits.
const mostClasses = 1 << 14

// newGrid makes the grid of a list, nil if it does not fit.
func newGrid(x *Index) *grid {
	g := &grid{}
	field := src
	switch {
	case x.axes[srcPort].ranks() > 1 || x.Len() >= 1<<16-1:
		return nil
	case x.axes[dst].ranks() == 1:
	case x.axes[src].ranks() == 1:
		g.dst, field = true, dst
	default:
		return nil
	}
	sets := g.addServices(x)
	if sets == nil || !g.addAddresses(x, field, sets) {
		return nil
	}
	if 2*len(g.first)+2*len(g.address.top)+512*(len(g.address.pages)+len(g.port.pages))+18*len(g.wide) > maxTable {
		return nil
	}
	g.address.known, g.port.known = nil, nil
	return g
}

// addServices makes the classes of services, and returns for each piece the
// classes that it holds. The classes are numbered in the order of their first
// service, so that a piece's are mostly neighbours.
func (g *grid) addServices(x *Index) [][]uint16 {
	classes := map[string]uint16{}
	sets := make([][]uint16, len(x.pieces))
	ports, protos := &x.axes[dstPort], &x.axes[protocol]
	words := (len(x.pieces) + 63) / 64
	room := make([]byte, 8*words)
	classOf := func(proto, port uint32) uint16 {
		clear(room)
		for k := range x.pieces {
			if p := &x.pieces[k]; x.sure[k] && p[protocol].lo <= proto && proto <= p[protocol].hi &&
				p[dstPort].lo <= port && port <= p[dstPort].hi {
				room[k/8] |= 1 << (k % 8)
			}
		}
		c, ok := classes[string(room)]
		if !ok {
			c = uint16(len(classes))
			classes[string(room)] = c
			for k := range x.pieces {
				if room[k/8]>>(k%8)&1 == 1 {
					sets[k] = append(sets[k], c)
				}
			}
		}
		return c
	}
	plain := map[uint32]uint16{}
	for p := range 256 {
		rank := protos.rank(packet.Value{Lo: uint64(p)})
		if packet.KindOf(x.family, uint8(p)) == packet.Plain {
			c, ok := plain[rank]
			if !ok {
				c = classOf(rank, 0)
				plain[rank] = c
			}
			g.service[p] = ^int32(c)
			continue
		}
		byRank := make([]uint16, ports.ranks())
		for r := range byRank {
			byRank[r] = classOf(rank, uint32(r))
		}
		g.service[p] = int32(len(g.port.top))
		g.port.top = append(g.port.top, portPages(&g.port, ports, byRank)...)
		if len(classes) > 1<<12 {
			return nil
		}
	}
	g.services = len(classes)
	return sets
}

// portPages makes the 256 pages of one protocol's ports.
func portPages(p *pages, axis *axis, class []uint16) []uint16 {
	var top []uint16
	r := 0
	for hi := range 256 {
		var page [256]uint16
		for lo := range page {
			for axis.bounds[r+1].Lo <= uint64(hi<<8|lo) {
				r++
			}
			page[lo] = class[r]
		}
		top = append(top, p.add(page))
	}
	return top
}

// addAddresses makes the classes of addresses and the table; false when it gets
// too large.
func (g *grid) addAddresses(x *Index, field int, sets [][]uint16) bool {
	a := &x.axes[field]
	rows := map[string]uint16{}
	class := make([]uint16, a.ranks())
	row := make([]uint16, g.services)
	spelled := make([]byte, 2*g.services)
	var any piece
	for f := range any {
		any[f] = span{0, uint32(x.axes[f].ranks() - 1)}
	}
	var meets []int
	for r := range class {
		any[field] = span{uint32(r), uint32(r)}
		meets = meets[:0]
		x.meeting(&any, 0, len(x.pieces), func(k int) bool {
			if x.sure[k] {
				meets = append(meets, k)
			}
			return true
		})
		clear(row)
		for _, k := range slices.Backward(meets) {
			for _, c := range sets[k] {
				row[c] = uint16(x.of[k]) + 1
			}
		}
		for c, e := range row {
			spelled[2*c], spelled[2*c+1] = byte(e), byte(e>>8)
		}
		c, ok := rows[string(spelled)]
		if !ok {
			c = uint16(len(rows))
			rows[string(spelled)] = c
			g.first = append(g.first, row...)
		}
		if class[r] = c; len(rows) > mostClasses || 2*len(g.first) > maxTable {
			return false
		}
	}
	if x.family == packet.IPv6 {
		g.wide, g.class = a.bounds[:a.ranks()], class
		return true
	}
	return g.addPages(a, class)
}

// last marks numbers that are classes; others are pages.
const last = 1 << 15

// addPages makes the four levels of IPv4 addresses, 8 bits each.
func (g *grid) addPages(a *axis, class []uint16) bool {
	p := &g.address
	r := 0
	var level func(from uint64, bits int) uint16
	level = func(from uint64, bits int) uint16 {
		for a.bounds[r+1].Lo <= from {
			r++
		}
		if a.bounds[r+1].Lo >= from+1<<bits {
			return class[r] | last
		}
		var page [256]uint16
		for k := range page {
			page[k] = level(from+uint64(k)<<(bits-8), bits-8)
		}
		return p.add(page)
	}
	top := level(0, 32)
	if top&last != 0 {
		var page [256]uint16
		for k := range page {
			page[k] = top
		}
		top = p.add(page)
	}
	if len(p.pages) >= last {
		return false
	}
	page := p.pages[top]
	p.top = page[:]
	return true
}

func (g *grid) classify(h *packet.Header) int {
	at := h.Src
	if g.dst {
		at = h.Dst
	}
	var class int
	if g.wide != nil {
		class = g.classOf(packet.ValueOf(at))
	} else {
		a := uint32(packet.ValueOf(at).Lo)
		c := g.address.top[a>>24]
		for bits := 16; c&last == 0; bits -= 8 {
			c = g.address.pages[c][a>>(bits&31)&0xff]
		}
		class = int(c &^ last)
	}
	service := int(g.service[h.Protocol])
	if service < 0 {
		service = ^service
	} else {
		service = int(g.port.pages[g.port.top[service+int(h.DstPort>>8)]][h.DstPort&0xff])
	}
	return int(g.first[class*g.services+service]) - 1
}

// classOf searches the bounds of IPv6 addresses.
func (g *grid) classOf(v packet.Value) int {
	lo, n := 0, len(g.wide)
	for n > 1 {
		half := n / 2
		if g.wide[lo+half].Compare(v) <= 0 {
			lo += half
		}
		n -= half
	}
	return int(g.class[lo])
}
