package rules

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func familyWord(f packet.Family) string {
	if f == packet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// at prints a place in brackets: " (main.tf:63)"; nothing when there is none.
func at(r diag.Range) string {
	if r.IsZero() {
		return ""
	}
	return " (" + r.Line() + ")"
}

// join lists things in prose: "a, b and c".
func join(parts []string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// firstFew cuts a list, saying how many are left out.
func firstFew(parts []string, n int) []string {
	if len(parts) <= n {
		return parts
	}
	return append(parts[:n:n], fmt.Sprintf("%d more", len(parts)-n))
}

// portOf prints the port of a header, or its ICMP type and code.
func portOf(h packet.Header) string {
	_, port, _ := strings.Cut(serviceOf(h), "/")
	return port
}

// key describes a rule's own match for the fingerprint.
func key(r *ir.Rule) string {
	return strings.Join([]string{protocolKey(r.Match), peerKey(r.Peer)}, " ")
}

func protocolKey(m ir.Match) string {
	if !m.Protocol.Known() {
		return "unknown"
	}
	name := packet.ProtocolName(m.Protocol.V)
	if m.Protocol.V == -1 || !m.Ports.Known() {
		return name
	}
	return fmt.Sprintf("%s/%d-%d", name, m.Ports.V.Lo, m.Ports.V.Hi)
}

func peerKey(p ir.Peer) string {
	switch {
	case p.CIDR.IsValid():
		return p.CIDR.String()
	case p.Group != nil:
		return p.Group.Origin.Address
	case p.PrefixList != nil:
		return p.PrefixList.Origin.Address
	case p.Unknown != nil:
		return p.Unknown.Cause.Address
	}
	return ""
}
