package awsapi

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// protocol reads a protocol: a name or a number, -1 for all. block is the place
// to show when there is none.
// [botocore ec2 IpPermission, CreateNetworkAclEntryRequest]
func (b *builder) protocol(v, block value, address string) ir.Value[int16] {
	switch strings.ToLower(v.str()) {
	case "tcp":
		return ir.Known[int16](packet.TCP)
	case "udp":
		return ir.Known[int16](packet.UDP)
	case "icmp":
		return ir.Known[int16](packet.ICMP)
	case "icmpv6", "ipv6-icmp":
		return ir.Known[int16](packet.ICMPv6)
	case "all":
		return ir.Known[int16](-1)
	}
	n, ok := v.int()
	if !ok || n < -1 || n > 255 {
		message := "there is no protocol"
		if v.ok() {
			message = strconv.Quote(v.text()) + " is no protocol"
		}
		return ir.NotKnown[int16](b.invalid(valueOf(v, block), address, message, "what the rule matches is unknown", "use tcp, udp, icmp, icmpv6, a number up to 255, or -1"))
	}
	return ir.Known(int16(n))
}

// ports reads the ports of a security group rule, or its ICMP type and code.
// block is the place to show when neither is there.
func (b *builder) ports(p ir.Value[int16], from, to, block value, address string) ir.Value[ir.Ports] {
	switch {
	case !p.Known():
		return ir.Known(ir.AllPorts)
	case p.V == packet.ICMP || p.V == packet.ICMPv6:
		return b.typeCode(from, to, address)
	case p.V == packet.TCP || p.V == packet.UDP:
		return b.portRange(from, to, block, address)
	default:
		return ir.Known(ir.AllPorts)
	}
}

func (b *builder) portRange(from, to, block value, address string) ir.Value[ir.Ports] {
	lo, okLo := from.int()
	hi, okHi := to.int()
	if (!from.ok() || okLo && lo == -1) && (!to.ok() || okHi && hi == -1) {
		b.noteOnce("ports "+address, diag.Diagnostic{
			Message: address + " is for tcp or udp and has no ports", Label: "taken as all ports", Address: address, Range: placeOf(from, block),
			Note: "AWS documents no meaning for it",
		})
		return ir.Known(ir.AllPorts)
	}
	switch {
	case !okLo || lo < 0 || lo > 65535:
		return unknownPorts(b.invalid(valueOf(from, block), address, noPort(from), "the ports of the rule are unknown", "ports are 0 to 65535"))
	case !okHi || hi < 0 || hi > 65535:
		return unknownPorts(b.invalid(valueOf(to, block), address, noPort(to), "the ports of the rule are unknown", "ports are 0 to 65535"))
	case lo > hi:
		return unknownPorts(b.invalid(from, address, fmt.Sprintf("the ports are reversed: %d to %d", lo, hi), "the ports of the rule are unknown",
			fmt.Sprintf("did you mean %d to %d?", hi, lo)))
	}
	return ir.Known(ir.Ports{Lo: uint16(lo), Hi: uint16(hi)})
}

// typeCode reads an ICMP type and code. An absent one is any; so is the code
// of any type.
func (b *builder) typeCode(typ, code value, address string) ir.Value[ir.Ports] {
	t, c := -1, -1
	for _, f := range []struct {
		v    value
		to   *int
		what string
	}{{typ, &t, "type"}, {code, &c, "code"}} {
		if !f.v.ok() {
			continue
		}
		n, ok := f.v.int()
		if !ok || n < -1 || n > 255 {
			return unknownPorts(b.invalid(f.v, address, f.v.text()+" is no ICMP "+f.what, "what the rule matches is unknown", "ICMP types and codes are 0 to 255, -1 for any"))
		}
		*f.to = n
	}
	return ir.Known(ir.ICMPPorts(t, c))
}

func unknownPorts(why *ir.Unknown) ir.Value[ir.Ports] {
	return ir.Value[ir.Ports]{V: ir.AllPorts, Why: why}
}

func valueOf(v, or value) value {
	if v.d != nil {
		return v
	}
	return or
}

func placeOf(v, or value) diag.Range { return valueOf(v, or).place() }

// cidr reads a CIDR as a peer. Host bits go, as AWS drops them; a family of
// its own marks what attribute it stands in. [botocore ec2 IpRange]
func (b *builder) cidr(v value, family packet.Family, address string) ir.Peer {
	p, err := netip.ParsePrefix(strings.TrimSpace(v.str()))
	switch {
	case err != nil:
		message := strconv.Quote(v.text()) + " is no CIDR"
		if a, err := netip.ParseAddr(v.peek()); err == nil {
			message += ": the prefix length is missing (" + a.String() + "/" + strconv.Itoa(a.BitLen()) + "?)"
		}
		return ir.Peer{Family: family, Unknown: b.invalid(v, address, message, "whom the rule is for is unknown", "")}
	case packet.FamilyOfPrefix(p) != family || p.Addr().Is4In6():
		return ir.Peer{Family: family, Unknown: b.invalid(v, address, strconv.Quote(v.text())+" is no "+familyName(family)+" CIDR", "whom the rule is for is unknown", "")}
	}
	return ir.Peer{CIDR: p.Masked()}
}

func familyName(f packet.Family) string {
	if f == packet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// at is the place of an attribute that findings point at.
type at struct {
	field ir.Field
	value value
}

// fields keeps the places of the attributes that are there.
func fields(places ...at) map[ir.Field]diag.Range {
	m := make(map[ir.Field]diag.Range, len(places))
	for _, p := range places {
		if p.value.ok() {
			m[p.field] = p.value.place()
		}
	}
	return m
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + plural(noun)
}

func plural(noun string) string {
	if s, ok := strings.CutSuffix(noun, "y"); ok {
		return s + "ies"
	}
	return noun + "s"
}

func noPort(v value) string {
	if !v.ok() {
		return "the range lacks one of its ports"
	}
	return v.text() + " is no port"
}
