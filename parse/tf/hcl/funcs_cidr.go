package hcl

import (
	"fmt"
	"math/big"
	"net"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

// parseCIDR reads a prefix as Terraform does: host bits are masked away, and
// leading zeros of IPv4 numbers are accepted.
func parseCIDR(s string) (base *big.Int, bits, total int, err error) {
	ip, n, err := net.ParseCIDR(stripZeros(s))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("invalid CIDR expression: invalid CIDR address: %s", s)
	}
	bits, total = n.Mask.Size()
	addr := n.IP
	if total == 32 {
		addr = ip.Mask(n.Mask).To4()
	}
	return new(big.Int).SetBytes(addr), bits, total, nil
}

// stripZeros takes leading zeros off the numbers of an IPv4 address.
func stripZeros(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == ':' {
			return s
		}
		start := i == 0 || s[i-1] == '.'
		for start && s[i] == '0' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}

func addressText(n *big.Int, total int) string {
	return net.IP(n.FillBytes(make([]byte, total/8))).String()
}

func whole(v cty.Value) (int, error) {
	var n int
	err := gocty.FromCtyValue(v, &n)
	return n, err
}

// within reports whether a number fits into so many bits.
func within(n *big.Int, bits int) bool { return n.Sign() >= 0 && n.BitLen() <= bits }

var cidrSubnet = function.New(&function.Spec{
	Params: []function.Parameter{text("prefix"), {Name: "newbits", Type: cty.Number}, {Name: "netnum", Type: cty.Number}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		newbits, err := whole(args[1])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		num, acc := args[2].AsBigFloat().Int(nil)
		if acc != big.Exact {
			return cty.UnknownVal(cty.String), fmt.Errorf("value must be a whole number")
		}
		base, bits, total, err := parseCIDR(args[0].AsString())
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		switch {
		case newbits < 0 || bits+newbits > total:
			return cty.UnknownVal(cty.String), fmt.Errorf("insufficient address space to extend prefix of %d by %d", bits, newbits)
		case num.Sign() >= 0 && !within(num, newbits):
			return cty.UnknownVal(cty.String), fmt.Errorf("prefix extension of %d does not accommodate a subnet numbered %s", newbits, num)
		case num.BitLen() > newbits+1:
			return cty.UnknownVal(cty.String), fmt.Errorf("a subnet cannot be numbered %s", num)
		}
		// A negative number gives what Terraform gives, which is no subnet of
		// the prefix.
		base.Or(base, num.Lsh(num, uint(total-bits-newbits)))
		return cty.StringVal(fmt.Sprintf("%s/%d", addressText(base, total), bits+newbits)), nil
	},
})

var cidrSubnets = function.New(&function.Spec{
	Params:   []function.Parameter{text("prefix")},
	VarParam: &function.Parameter{Name: "newbits", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.String)),
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		base, bits, total, err := parseCIDR(args[0].AsString())
		if err != nil {
			return cty.UnknownVal(ret), err
		}
		if len(args) == 1 {
			return cty.ListValEmpty(cty.String), nil
		}
		end := new(big.Int).Add(base, new(big.Int).Lsh(big.NewInt(1), uint(total-bits)))
		next := base
		var out []cty.Value
		for i, a := range args[1:] {
			newbits, err := whole(a)
			if err != nil {
				return cty.UnknownVal(ret), function.NewArgError(i+1, err)
			}
			length := bits + newbits
			switch {
			case newbits < 1:
				return cty.UnknownVal(ret), function.NewArgErrorf(i+1, "must extend prefix by at least one bit")
			case length > total:
				return cty.UnknownVal(ret), function.NewArgErrorf(i+1, "would extend prefix to %d bits, which is too long for an %s address", length, map[int]string{32: "IPv4", 128: "IPv6"}[total])
			}
			size := new(big.Int).Lsh(big.NewInt(1), uint(total-length))
			// The next network of this size that begins at or after next.
			at := new(big.Int).Add(next, new(big.Int).Sub(size, big.NewInt(1)))
			at.Div(at, size).Mul(at, size)
			next = new(big.Int).Add(at, size)
			if next.Cmp(end) > 0 {
				return cty.UnknownVal(ret), function.NewArgErrorf(i+1, "not enough remaining address space for a subnet with a prefix of %d bits", length)
			}
			out = append(out, cty.StringVal(fmt.Sprintf("%s/%d", addressText(at, total), length)))
		}
		return cty.ListVal(out), nil
	},
})

var cidrHost = function.New(&function.Spec{
	Params: []function.Parameter{text("prefix"), {Name: "hostnum", Type: cty.Number}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		num, acc := args[1].AsBigFloat().Int(nil)
		if acc != big.Exact {
			return cty.UnknownVal(cty.String), fmt.Errorf("value must be a whole number")
		}
		base, bits, total, err := parseCIDR(args[0].AsString())
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		shown := num.String()
		if num.Sign() < 0 { // counted from the end
			num = new(big.Int).Add(num, new(big.Int).Lsh(big.NewInt(1), uint(total-bits)))
		}
		if !within(num, total-bits) {
			return cty.UnknownVal(cty.String), fmt.Errorf("prefix of %d does not accommodate a host numbered %s", bits, shown)
		}
		return cty.StringVal(addressText(base.Or(base, num), total)), nil
	},
})

var cidrNetmask = onText(cty.String, func(a []string) (cty.Value, error) {
	_, bits, total, err := parseCIDR(a[0])
	if err != nil {
		return cty.UnknownVal(cty.String), err
	}
	if total != 32 {
		return cty.UnknownVal(cty.String), fmt.Errorf("IPv6 addresses cannot have a netmask: %s", a[0])
	}
	return cty.StringVal(net.IP(net.CIDRMask(bits, 32)).String()), nil
}, "prefix")
