package rules

import (
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func familyWord(f packet.Family) string {
	if f == packet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// portOf prints the port of a header, or its ICMP type and code.
func portOf(h packet.Header) string {
	_, port, _ := strings.Cut(serviceOf(h), "/")
	return port
}

// key describes a rule's own match for the fingerprint.
func key(r *ir.Rule) string {
	return matchWords(&r.Match, false)
}
