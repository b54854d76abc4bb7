package pairs

import (
	"encoding/binary"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Atom is a set of services of one protocol that nothing in the network tells
// apart: every rule and every entry takes all of them or none.
type Atom struct {
	// Protocol number; -1 stands for every protocol that no rule names.
	Protocol int16
	// Ports are the destination ports, for ICMP type*256+code, in order; nil for
	// protocols without ports.
	Ports []ir.Ports
}

// Universe is the atoms of one family. A set of services is a set of atoms, a
// bit each, in Words words of 64.
type Universe struct {
	Family packet.Family
	Atoms  []Atom
	Words  int

	ported  []protocolMask // TCP and UDP
	noReply []uint64       // typed services that nobody answers
	plain   []uint64
	answer  []int32 // of a query's atom, that of its answer; -1
	queries []int   // the atoms that have one
	all     []uint64
	masks   map[service][]uint64
}

type protocolMask struct {
	protocol uint8
	mask     []uint64
}

// service is the protocol and port part of a match.
type service struct {
	protocol int16 // -1: all
	ports    ir.Ports
}

var everyService = service{protocol: -1}

// serviceOf is the service of a match, as widely as it may be. ok is false for
// a protocol that does not exist.
func serviceOf(f packet.Family, m *ir.Match) (s service, ok bool) {
	if !m.Protocol.Known() || m.Protocol.V == -1 {
		return everyService, true
	}
	if m.Protocol.V < 0 || m.Protocol.V > 255 {
		return service{}, false
	}
	s.protocol = m.Protocol.V
	if packet.KindOf(f, uint8(s.protocol)) == packet.Plain {
		return s, true
	}
	s.ports = m.Ports.V
	if !m.Ports.Known() && s.ports == (ir.Ports{}) {
		s.ports = ir.AllPorts
	}
	return s, s.ports.Lo <= s.ports.Hi
}

// answers lists the ICMP types that are answered, with the types of their
// answers. [RFC 792, RFC 950, RFC 4443]
func answers(f packet.Family) [][2]uint8 {
	if f == packet.IPv6 {
		return [][2]uint8{{128, 129}}
	}
	return [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
}

func typedProtocol(f packet.Family) uint8 {
	if f == packet.IPv6 {
		return packet.ICMPv6
	}
	return packet.ICMP
}

// newUniverse finds the atoms of the services that a network's rules, entries
// and listeners name.
func newUniverse(f packet.Family, named map[service]bool) *Universe {
	u := &Universe{Family: f}
	byProtocol := map[uint8][]ir.Ports{}
	var plain []int16
	for s := range named {
		switch {
		case s.protocol < 0:
		case packet.KindOf(f, uint8(s.protocol)) == packet.Plain:
			plain = append(plain, s.protocol)
		default:
			byProtocol[uint8(s.protocol)] = append(byProtocol[uint8(s.protocol)], s.ports)
		}
	}
	for _, p := range []uint8{packet.TCP, packet.UDP} {
		u.split(p, byProtocol[p])
	}
	u.split(typedProtocol(f), byProtocol[typedProtocol(f)])
	slices.Sort(plain)
	for _, p := range append(slices.Compact(plain), -1) {
		u.Atoms = append(u.Atoms, Atom{Protocol: p})
	}
	u.index()
	u.masks = make(map[service][]uint64, len(named)+1)
	for s := range named {
		u.masks[s] = u.maskOf(s)
	}
	u.masks[everyService] = u.all
	return u
}

// split makes the atoms of a protocol with ports: the intervals between the
// ends of what is named, those together that the same names hold.
func (u *Universe) split(protocol uint8, named []ir.Ports) {
	slices.SortFunc(named, comparePorts)
	named = slices.Compact(named)
	cuts := map[int]bool{0: true}
	for _, p := range named {
		cuts[int(p.Lo)], cuts[int(p.Hi)+1] = true, true
	}
	typed := packet.KindOf(u.Family, protocol) == packet.Typed
	if typed {
		u.cutAnswers(cuts)
	}
	var at []int
	for c := range cuts {
		if c <= 65535 {
			at = append(at, c)
		}
	}
	slices.Sort(at)
	signatures := make([]string, len(at))
	for k, c := range at {
		signatures[k] = signature(named, uint16(c))
	}
	atoms := map[string]int{}
	for k, c := range at {
		key := signatures[k]
		if typed {
			answer, query := u.answerTo(uint16(c))
			key += "|"
			if query {
				i, _ := slices.BinarySearch(at, int(answer)+1)
				key += "?" + signatures[i-1]
			}
		}
		last := 65535
		if k+1 < len(at) {
			last = at[k+1] - 1
		}
		ports := ir.Ports{Lo: uint16(c), Hi: uint16(last)}
		a, ok := atoms[key]
		if !ok {
			a = len(u.Atoms)
			atoms[key] = a
			u.Atoms = append(u.Atoms, Atom{Protocol: int16(protocol)})
		}
		u.Atoms[a].Ports = appendPorts(u.Atoms[a].Ports, ports)
	}
}

func comparePorts(a, b ir.Ports) int {
	if a.Lo != b.Lo {
		return int(a.Lo) - int(b.Lo)
	}
	return int(a.Hi) - int(b.Hi)
}

// appendPorts adds an interval above all others, joining it to the last.
func appendPorts(ps []ir.Ports, p ir.Ports) []ir.Ports {
	if k := len(ps) - 1; k >= 0 && int(ps[k].Hi)+1 == int(p.Lo) {
		ps[k].Hi = p.Hi
		return ps
	}
	return append(ps, p)
}

// maxSignatures bounds the intervals that are compared with each other; beyond
// it every interval between two ends is an atom of its own.
const maxSignatures = 2048

// signature names the intervals that hold a port.
func signature(named []ir.Ports, port uint16) string {
	var b []byte
	if len(named) > maxSignatures {
		return string(binary.BigEndian.AppendUint16(nil, port))
	}
	for k, p := range named {
		if p.Lo > port {
			break
		}
		if p.Contains(port) {
			b = binary.AppendUvarint(b, uint64(k))
		}
	}
	return string(b)
}

// cutAnswers cuts at the types that are answered and those of the answers, and
// both wherever one of them is cut.
func (u *Universe) cutAnswers(cuts map[int]bool) {
	for _, p := range answers(u.Family) {
		for _, t := range p {
			cuts[int(t)<<8], cuts[(int(t)+1)<<8] = true, true
		}
		for code := range 256 {
			q, a := int(p[0])<<8|code, int(p[1])<<8|code
			if cuts[q] || cuts[a] {
				cuts[q], cuts[a] = true, true
			}
		}
	}
}

// answerTo is the type and code that answers another.
func (u *Universe) answerTo(typeCode uint16) (uint16, bool) {
	for _, p := range answers(u.Family) {
		if p[0] == uint8(typeCode>>8) {
			return packet.TypeCode(p[1], uint8(typeCode)), true
		}
	}
	return 0, false
}

// index prepares what questions about sets of atoms need.
func (u *Universe) index() {
	u.Words = (len(u.Atoms) + 63) / 64
	u.all, u.noReply, u.plain = u.empty(), u.empty(), u.empty()
	u.answer = make([]int32, len(u.Atoms))
	ported := map[uint8][]uint64{packet.TCP: u.empty(), packet.UDP: u.empty()}
	for a := range u.Atoms {
		u.answer[a] = -1
		set(u.all, a)
		atom := &u.Atoms[a]
		if atom.Ports == nil {
			set(u.plain, a)
			continue
		}
		if m, ok := ported[uint8(atom.Protocol)]; ok {
			set(m, a)
			continue
		}
		answer, query := u.answerTo(atom.Ports[0].Lo)
		if !query {
			set(u.noReply, a)
			continue
		}
		u.answer[a] = int32(u.atomOf(uint8(atom.Protocol), answer))
		u.queries = append(u.queries, a)
	}
	for _, p := range []uint8{packet.TCP, packet.UDP} {
		u.ported = append(u.ported, protocolMask{p, ported[p]})
	}
}

func (u *Universe) empty() []uint64 { return make([]uint64, u.Words) }

func set(m []uint64, bit int) { m[bit>>6] |= 1 << (bit & 63) }

func has(m []uint64, bit int) bool { return m[bit>>6]>>(bit&63)&1 != 0 }

// atomOf finds the atom of a service.
func (u *Universe) atomOf(protocol uint8, port uint16) int {
	rest := -1
	for a := range u.Atoms {
		atom := &u.Atoms[a]
		switch {
		case atom.Protocol == -1:
			rest = a
		case atom.Protocol != int16(protocol):
		case atom.Ports == nil:
			return a
		default:
			for _, p := range atom.Ports {
				if p.Contains(port) {
					return a
				}
			}
		}
	}
	return rest
}

// maskOf is the set of a service. An atom that it holds in part counts: there
// is none for services that the universe was made of.
func (u *Universe) maskOf(s service) []uint64 {
	m := u.empty()
	for a := range u.Atoms {
		atom := &u.Atoms[a]
		switch {
		case s.protocol == -1, atom.Protocol == s.protocol && atom.Ports == nil:
			set(m, a)
		case atom.Protocol == s.protocol:
			if slices.ContainsFunc(atom.Ports, func(p ir.Ports) bool { return p.Lo <= s.ports.Hi && s.ports.Lo <= p.Hi }) {
				set(m, a)
			}
		}
	}
	return m
}

// knows reports whether a service is a union of atoms.
func (u *Universe) knows(s service) bool {
	if _, ok := u.masks[s]; ok {
		return true
	}
	for a := range u.Atoms {
		atom := &u.Atoms[a]
		if s.protocol == -1 || atom.Ports == nil || atom.Protocol != s.protocol {
			continue
		}
		inside, outside := false, false
		for _, p := range atom.Ports {
			inside = inside || p.Lo <= s.ports.Hi && s.ports.Lo <= p.Hi
			outside = outside || p.Lo < s.ports.Lo || s.ports.Hi < p.Hi
		}
		if inside && outside {
			return false
		}
	}
	return s.protocol == -1 || packet.KindOf(u.Family, uint8(s.protocol)) != packet.Plain ||
		slices.ContainsFunc(u.Atoms, func(a Atom) bool { return a.Protocol == s.protocol })
}

// Complete writes, given the services that arrive and the ports at which
// replies arrive, the services that some client can complete: those with ports
// when replies arrive at any client port, those of ICMP when their answers do or
// none is due, all others when the protocol passes both ways.
func (u *Universe) Complete(to, forward, reply []uint64) {
	for k := range to {
		to[k] = forward[k] & (u.noReply[k] | u.plain[k]&reply[k])
	}
	for i := range u.ported {
		p := &u.ported[i]
		some := uint64(0)
		for k, m := range p.mask {
			some |= m & reply[k]
		}
		if some != 0 {
			for k, m := range p.mask {
				to[k] |= m & forward[k]
			}
		}
	}
	for _, a := range u.queries {
		if has(forward, a) && has(reply, int(u.answer[a])) {
			set(to, a)
		}
	}
}

// holds reports whether a service is in what arrives, and its reply arrives at
// a client port of an atom, or none is due.
func (u *Universe) holds(s *Sets, atom, client int) bool {
	switch {
	case !has(s.Forward, atom):
		return false
	case has(u.noReply, atom):
		return true
	case has(u.plain, atom):
		return has(s.Reply, atom)
	case u.answer[atom] >= 0:
		return has(s.Reply, int(u.answer[atom]))
	}
	return has(s.Reply, client)
}
