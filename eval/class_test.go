package eval

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// deepest is the longest of the CIDRs around an address.
func deepest(cidrs []netip.Prefix, a netip.Addr) netip.Prefix {
	out := netip.PrefixFrom(a, 0).Masked()
	for _, p := range cidrs {
		if p.Contains(a) && p.Bits() > out.Bits() {
			out = p
		}
	}
	return out
}

// scattered draws CIDRs of all lengths, most of them close together.
func scattered(r *rand.Rand, count int) []netip.Prefix {
	var ps []netip.Prefix
	for range count {
		a := netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(4)), byte(r.IntN(256))})
		switch r.IntN(8) {
		case 0:
			a = netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
		case 1:
			a = netip.AddrFrom16([16]byte{0x20, 1, 15: byte(r.IntN(256))})
		}
		ps = append(ps, netip.PrefixFrom(a, a.BitLen()-[]int{0, 0, 0, 4, r.IntN(a.BitLen() + 1)}[r.IntN(5)]).Masked())
	}
	return ps
}

// Two addresses have one class when the deepest CIDR around them is one, and the
// last bits are of one kind.
func TestAddressClasses(t *testing.T) {
	for seed := range uint64(60) {
		r := rng(seed)
		cidrs := scattered(r, 1+r.IntN(400))
		c := newAddressClasses(append([]netip.Prefix(nil), cidrs...))
		type kind struct {
			cidr netip.Prefix
			low  class
		}
		of, is := map[class]kind{}, map[kind]class{}
		for range 3000 {
			a := scattered(r, 1)[0].Addr()
			if r.IntN(2) == 0 {
				p := cidrs[r.IntN(len(cidrs))]
				if a = p.Addr().Prev(); r.IntN(2) == 0 {
					a = lastOf(p).Next()
				}
				if !a.IsValid() {
					continue
				}
			}
			b := a.AsSlice()
			k, got := kind{deepest(cidrs, a), lowKind(b[len(b)-1])}, c.of(a)
			if old, ok := of[got]; ok && old != k {
				t.Fatalf("seed %d: class %d holds %v and %v (%v)", seed, got, old, k, a)
			}
			if old, ok := is[k]; ok && old != got {
				t.Fatalf("seed %d: %v has the classes %d and %d (%v)", seed, k, old, got, a)
			}
			of[got], is[k] = k, got
			if int(got) >= c.count() {
				t.Fatalf("seed %d: class %d of %d", seed, got, c.count())
			}
		}
	}
}
