package verify

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
)

// TestReproTellsNothing: a repro file holds the network, and neither its names
// nor its addresses.
func TestReproTellsNothing(t *testing.T) {
	n := netgen.New(rand.New(rand.NewPCG(5, 6)), netgen.Options{IPv6: true, Unknowns: 5})
	n.VPCs[0].Name, n.Interfaces[0].Resource = "secret-project", "aws_instance.secret"
	d := Disagreement{Network: n, From: n.Interfaces[0], Says: "the sets say allow, trace: deny"}
	out, err := Repro(&d)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(out) {
		t.Error("not JSON")
	}
	for _, word := range []string{"secret", "var.t", "vpc-0", "acl-0", "10.0.0.10", "10.1.0.11"} {
		if strings.Contains(string(out), word) {
			t.Errorf("it tells %q", word)
		}
	}
	for _, word := range []string{"NetworkACLs", "Entries", "0.0.0.0/0"} {
		if !strings.Contains(string(out), word) {
			t.Errorf("it lacks %q", word)
		}
	}
}

// TestAddressesKeepContainment: two replaced addresses share as many leading
// bits as they did.
func TestAddressesKeepContainment(t *testing.T) {
	a := &anonymous{key: [32]byte{1, 2, 3}}
	rng := rand.New(rand.NewPCG(1, 1))
	shared := func(x, y netip.Addr) int {
		for bits := range x.BitLen() {
			if netip.PrefixFrom(x, bits+1).Masked() != netip.PrefixFrom(y, bits+1).Masked() {
				return bits
			}
		}
		return x.BitLen()
	}
	moved := 0
	for range 500 {
		first := []byte{10, 192, 8, 172}[rng.IntN(4)]
		x := netip.AddrFrom4([4]byte{first, byte(rng.IntN(256)), byte(rng.IntN(256)), byte(rng.IntN(4))})
		y := netip.AddrFrom4([4]byte{first, x.As4()[1], byte(rng.IntN(256)), byte(rng.IntN(4))})
		if got, want := shared(a.addr(x), a.addr(y)), shared(x, y); got != want {
			t.Fatalf("%s and %s share %d bits, and %d when replaced", x, y, want, got)
		}
		if a.addr(x) != x {
			moved++
		}
	}
	if moved < 400 {
		t.Errorf("only %d of 500 addresses are replaced", moved)
	}
}
