package solver_test

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"go4.org/netipx"
)

// A network ACL that denies ssh from a block and allows it from everybody
// else, and what an open security group lets through behind it.
func Example() {
	s := solver.New(packet.IPv4, solver.Options{})
	ssh := solver.Everything(packet.IPv4)
	ssh.Protocol, ssh.DstPort = solver.Port(packet.TCP), solver.Port(22)
	ssh.Dst = netipx.RangeOfPrefix(netip.MustParsePrefix("10.0.1.0/24"))
	banned := ssh
	banned.Src = netipx.RangeOfPrefix(netip.MustParsePrefix("128.0.0.0/1"))

	acl := s.FirstMatch([]solver.Entry{
		{Match: s.Of(banned), Decision: solver.Deny},
		{Match: s.Of(ssh), Decision: solver.Permit},
	}, solver.Deny)
	open := s.Intersect(acl, s.All())

	for box := range s.Boxes(open) {
		fmt.Println(solver.CIDRs(box.Src), "to", solver.CIDRs(box.Dst), "port", box.DstPort.Lo)
	}
	witness, _, _ := s.Witness(open)
	fmt.Println(witness)
	fmt.Println(s.Count(open), "headers")
	// Output:
	// [0.0.0.0/1] to [10.0.1.0/24] port 22
	// tcp 8.8.8.8:32768 > 10.0.1.10:22
	// 36028797018963968 headers
}
