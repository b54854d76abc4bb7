package solver

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

// String prints a box as people write rules: "tcp 10.0.0.0/8 > 10.1.0.7 port
// 443". Addresses are CIDRs where they are CIDRs, fields of which every value
// is in the box are left out, and all headers are "everything".
func (b Box) String() string {
	f := packet.FamilyOf(b.Src.From())
	all := Everything(f)
	var parts []string
	if b.Protocol.Lo > 0 || b.Protocol.Hi < 255 {
		name := packet.ProtocolName(int16(b.Protocol.Lo))
		if b.Protocol.Lo != b.Protocol.Hi {
			name = "protocols " + b.Protocol.String()
		}
		parts = append(parts, name)
	}
	if b.Src != all.Src || b.Dst != all.Dst {
		parts = append(parts, addressText(b.Src), ">", addressText(b.Dst))
	}
	if b.SrcPort != all.SrcPort {
		parts = append(parts, "source port "+b.SrcPort.String())
	}
	typed := b.Protocol.Lo == b.Protocol.Hi && packet.KindOf(f, uint8(b.Protocol.Lo)) == packet.Typed
	switch {
	case b.DstPort == all.DstPort:
	case typed:
		parts = append(parts, typeText(b.DstPort))
	default:
		parts = append(parts, "port "+b.DstPort.String())
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " ")
}

// String prints "22" or "1024-65535".
func (i Interval) String() string {
	if i.Lo == i.Hi {
		return fmt.Sprint(i.Lo)
	}
	return fmt.Sprintf("%d-%d", i.Lo, i.Hi)
}

// addressText prints a range as one CIDR, as one address, or by its ends.
func addressText(r netipx.IPRange) string {
	p, ok := r.Prefix()
	switch {
	case !ok:
		return r.String()
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// typeText prints an interval of ICMP types and codes.
func typeText(i Interval) string {
	lo, hi := i.Lo>>8, i.Hi>>8
	switch {
	case lo == hi && i.Lo&0xff == 0 && i.Hi&0xff == 0xff:
		return fmt.Sprintf("type %d", lo)
	case i.Lo == i.Hi:
		return fmt.Sprintf("type %d code %d", lo, i.Lo&0xff)
	case lo == hi:
		return fmt.Sprintf("type %d code %d-%d", lo, i.Lo&0xff, i.Hi&0xff)
	case i.Lo&0xff == 0 && i.Hi&0xff == 0xff:
		return fmt.Sprintf("type %d-%d", lo, hi)
	}
	return fmt.Sprintf("type %d code %d up to type %d code %d", lo, i.Lo&0xff, hi, i.Hi&0xff)
}
