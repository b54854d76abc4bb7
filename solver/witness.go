package solver

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// window is a range of values that a search looks into before others. What it
// takes from a range of equally good ones is its first host; see pick.
type window[K key] struct{ lo, hi K }

// taste lists windows by level, the most recognisable first. Every list ends
// with the whole level.
type taste[K key] struct {
	levels               [maxLevels][]window[K] // not of the destination port
	tcp, udp, icmp, none []window[K]            // destination port
	typed                K                      // the protocol with type and code
}

func tasteOf[K key](f packet.Family) *taste[K] {
	ports := func(ps ...uint64) []window[K] {
		var ws []window[K]
		for _, p := range ps {
			ws = append(ws, window[K]{K(p), K(p)})
		}
		return append(ws, window[K]{0, 65535})
	}
	t := &taste[K]{
		tcp:   ports(22, 443, 80, 3389, 5432, 3306, 8080, 8443, 6379, 27017, 9200, 1433),
		udp:   ports(53, 443, 123, 161, 500, 4500, 514),
		none:  ports(),
		typed: packet.ICMP,
	}
	echo := uint64(packet.TypeCode(8, 0))
	// The ranges that clients take their ports from: Linux, Windows, everybody.
	clients := []window[K]{{32768, 60999}, {49152, 65535}, {1024, 65535}, {0, 65535}}
	if f == packet.IPv6 {
		t.typed = packet.ICMPv6
		echo = uint64(packet.TypeCode(128, 0))
	}
	t.icmp = ports(echo)
	protocols := []window[K]{{packet.TCP, packet.TCP}, {packet.UDP, packet.UDP}, {t.typed, t.typed}, {0, 255}}
	if f == packet.IPv4 {
		t.levels = [maxLevels][]window[K]{protocols, of4[K](sources4), of4[K](destinations4), clients}
		return t
	}
	low := []window[K]{{0, ^K(0)}}
	t.levels = [maxLevels][]window[K]{protocols, of6[K](sources6), low, of6[K](destinations6), low, clients}
	return t
}

// Addresses that a reader takes for "somebody on the internet" and for "one of
// ours", best first: documentation blocks (RFC 5737, RFC 3849), well-known
// resolvers, then public space; private space first for destinations. IPv6
// ranges are of upper halves.
var (
	sources4 = [][2]uint32{
		{0xcb007100, 0xcb0071ff}, // 203.0.113.0/24
		{0xc6336400, 0xc63364ff}, // 198.51.100.0/24
		{0x08080808, 0x08080808}, // 8.8.8.8
		{0x01010101, 0x01010101}, // 1.1.1.1
		{0x01000000, 0x09ffffff},
		{0x0b000000, 0x643fffff},
		{0x80000000, 0xa9fdffff},
		{0x0a000000, 0x0affffff},
		{0xac100000, 0xac1fffff},
		{0xc0a80000, 0xc0a8ffff},
		{0xad000000, 0xbfffffff},
	}
	destinations4 = [][2]uint32{
		{0x0a000000, 0x0affffff}, // 10.0.0.0/8
		{0xac100000, 0xac1fffff}, // 172.16.0.0/12
		{0xc0a80000, 0xc0a8ffff}, // 192.168.0.0/16
		{0xc6336400, 0xc63364ff},
		{0x08080808, 0x08080808},
		{0x01010101, 0x01010101},
		{0x01000000, 0x643fffff},
		{0x80000000, 0xa9fdffff},
		{0xad000000, 0xbfffffff},
	}
	sources6 = [][2]uint64{
		{0x20010db8_ffff0000, 0x20010db8_ffffffff}, // 2001:db8:ffff::/48
		{0x20010db8_00000000, 0x20010db8_ffffffff}, // 2001:db8::/32
		{0x20014860_48600000, 0x20014860_48600000}, // 2001:4860:4860::
		{0x20000000_00000000, 0x3fffffff_ffffffff}, // 2000::/3
		{0xfc000000_00000000, 0xfdffffff_ffffffff}, // fc00::/7
	}
	destinations6 = [][2]uint64{
		{0x20010db8_00000000, 0x20010db8_ffffffff},
		{0x20000000_00000000, 0x3fffffff_ffffffff},
		{0xfc000000_00000000, 0xfdffffff_ffffffff},
	}
)

func of4[K key](rs [][2]uint32) []window[K] {
	var ws []window[K]
	for _, r := range rs {
		ws = append(ws, window[K]{K(r[0]), K(r[1])})
	}
	return append(ws, window[K]{0, K(^uint32(0))})
}

func of6[K key](rs [][2]uint64) []window[K] {
	var ws []window[K]
	for _, r := range rs {
		ws = append(ws, window[K]{K(r[0]), K(r[1])})
	}
	return append(ws, window[K]{0, ^K(0)})
}

// windows returns where to look at a level, given what was chosen above.
func (d *diagram[K]) windows(l int) []window[K] {
	if l != int(d.start[dstPort]) {
		return d.taste.levels[l]
	}
	switch d.choice[0] {
	case packet.TCP:
		return d.taste.tcp
	case packet.UDP:
		return d.taste.udp
	case d.taste.typed:
		return d.taste.icmp
	default:
		return d.taste.none
	}
}

// pick chooses a value of a range of equally good ones: of addresses the tenth
// host where there is one, as people number them, and not the network's own.
func (d *diagram[K]) pick(l int, lo, hi K) K {
	f := d.levels[l].field
	if (f != src && f != dst) || d.levels[l].upper || lo&0xff != 0 {
		return lo
	}
	host := K(10)
	if d.family == packet.IPv6 {
		host = 0x10
	}
	switch {
	case hi-lo >= host:
		return lo + host
	case hi > lo:
		return lo + 1
	}
	return lo
}

// witness looks for a header that all sets hold. It builds nothing. With
// prefer, it leaves the header in choice.
func (d *diagram[K]) witness(sets []id, prefer bool) bool {
	d.begin()
	d.prefer = prefer
	if d.taste == nil {
		d.taste = tasteOf[K](d.family)
	}
	clear(d.dead)
	d.ids = d.ids[:0]
	for _, a := range sets {
		if !d.narrow(0, a) {
			return false
		}
	}
	found := d.find(d.ids, 0)
	d.ids = d.ids[:0]
	return found && !d.over
}

// narrow adds a set to the tuple that begins at base, keeping it sorted and
// without repetition; false when the tuple holds nothing any more.
func (d *diagram[K]) narrow(base int, a id) bool {
	if a < ends {
		return a == permit
	}
	i, found := slices.BinarySearch(d.ids[base:], a)
	if !found {
		d.ids = slices.Insert(d.ids, base+i, a)
	}
	return true
}

// find looks for values from a level on with which a header is in every set of
// a tuple.
func (d *diagram[K]) find(tuple []id, l int) bool {
	if len(tuple) == 0 && !d.prefer {
		return true
	}
	if l == len(d.levels) {
		return true
	}
	ws := d.windows(l)
	if !slices.ContainsFunc(tuple, func(a id) bool { return d.level(a) == l }) {
		d.choice[l] = d.pick(l, ws[0].lo, ws[0].hi)
		return d.find(tuple, l+1)
	}
	switch {
	case len(tuple) == 2 && !d.test(meets, tuple[0], tuple[1]):
		return false
	case len(tuple) == 2 && !d.prefer:
		return true
	case len(tuple) > 2 && d.isDead(tuple):
		return false
	}
	if !d.prefer {
		ws = ws[len(ws)-1:]
	}
	for _, w := range ws {
		if d.findWithin(tuple, l, w) {
			return true
		}
	}
	if len(tuple) > 2 && !d.over {
		d.kill(tuple)
	}
	return false
}

// findWithin is find with the value of the first level in a window. It jumps
// from interval to interval, past all that some set leaves out.
func (d *diagram[K]) findWithin(tuple []id, l int, w window[K]) bool {
	base := len(d.ids)
	for at := w.lo; ; {
		if d.step(len(tuple)) {
			return false
		}
		d.ids = d.ids[:base]
		hi, empty, skip := w.hi, false, at
		for _, a := range tuple {
			to := a
			if d.level(a) == l {
				es := d.out(a)
				e := es[seek(es, at)]
				to = e.to
				hi = min(hi, e.hi)
				if to == none {
					empty, skip = true, max(skip, e.hi)
				}
			}
			if !empty && !d.narrow(base, to) {
				empty = true
			}
		}
		if empty {
			hi = min(max(hi, skip), w.hi)
		} else {
			d.choice[l] = d.pick(l, at, hi)
			if d.find(d.ids[base:], l+1) {
				d.ids = d.ids[:base]
				return true
			}
		}
		if hi == w.hi {
			break
		}
		at = hi + 1
	}
	d.ids = d.ids[:base]
	return false
}

// A tuple of three or more sets that was searched in vain is remembered until
// the end of the question, so that it is searched once.
func (d *diagram[K]) kill(tuple []id) {
	if d.dead == nil {
		d.dead = map[string]struct{}{}
	}
	d.dead[string(spell(tuple))] = struct{}{}
}

func (d *diagram[K]) isDead(tuple []id) bool {
	if len(d.dead) == 0 {
		return false
	}
	_, ok := d.dead[string(spell(tuple))]
	return ok
}

func spell(tuple []id) []byte {
	b := make([]byte, 0, 64)
	for _, a := range tuple {
		b = append(b, byte(a), byte(a>>8), byte(a>>16), byte(a>>24))
	}
	return b
}
