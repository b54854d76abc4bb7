package verify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Repro is a disagreement with its whole network as JSON, without what tells
// whose network it is. Every name, id and term is replaced, equal ones alike;
// tags, descriptions and places in files are left out. Addresses are replaced
// such that all containments stay what they are: the first octet (of IPv6 the
// first 16 bits), the last one, and addresses that AWS itself uses are kept.
// The replacements differ from run to run and cannot be undone.
func Repro(d *Disagreement) ([]byte, error) {
	a := &anonymous{names: map[string]string{}, ids: map[any]string{}, objects: map[string]any{}}
	if _, err := rand.Read(a.key[:]); err != nil {
		return nil, err
	}
	out := map[string]any{
		"schema":  "postern/repro/v1",
		"says":    d.Says,
		"header":  map[string]any{"src": a.addr(d.Header.Src).String(), "dst": a.addr(d.Header.Dst).String(), "protocol": d.Header.Protocol, "sport": d.Header.SrcPort, "dport": d.Header.DstPort},
		"network": a.value(reflect.ValueOf(*d.Network)),
		"from":    a.value(reflect.ValueOf(d.From)),
		"to":      a.value(reflect.ValueOf(d.To)),
		"terms":   len(d.Values),
	}
	out["objects"] = a.objects
	return json.MarshalIndent(out, "", "  ")
}

// anonymous writes values of the model.
type anonymous struct {
	key     [32]byte
	names   map[string]string
	ids     map[any]string
	objects map[string]any
}

func (a *anonymous) name(s string) string {
	if s == "" {
		return ""
	}
	if _, ok := a.names[s]; !ok {
		a.names[s] = fmt.Sprintf("n%d", len(a.names)+1)
	}
	return a.names[s]
}

// left out: where things were written, and what people wrote about them.
var leftOut = map[reflect.Type]bool{
	reflect.TypeFor[diag.Range](): true, reflect.TypeFor[diag.Place](): true, reflect.TypeFor[[]diag.Place](): true,
	reflect.TypeFor[diag.List](): true, reflect.TypeFor[[]diag.Ignore](): true, reflect.TypeFor[[]ir.Omission](): true,
	reflect.TypeFor[map[string]string](): true, reflect.TypeFor[map[ir.Scope]bool](): true,
}

func (a *anonymous) value(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case netip.Addr:
		return a.text(x.IsValid(), a.addr(x))
	case netip.Prefix:
		if !x.IsValid() {
			return ""
		}
		return netip.PrefixFrom(a.addr(x.Addr()), x.Bits()).Masked().String()
	case ir.Unknown:
		return map[string]any{"term": a.name(x.Term), "cause": x.Cause.Code}
	case ir.Origin:
		return a.name(x.Address)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if v.Type() == reflect.TypeFor[*ir.Unknown]() || v.Type() == reflect.TypeFor[*ir.Services]() {
			return a.value(v.Elem())
		}
		return a.object(v)
	case reflect.Struct:
		m := map[string]any{}
		for k := range v.NumField() {
			f := v.Type().Field(k)
			if leftOut[f.Type] || !f.IsExported() || v.Field(k).IsZero() || f.Name == "Description" {
				continue
			}
			m[f.Name] = a.value(v.Field(k))
		}
		return m
	case reflect.Slice, reflect.Array:
		l := []any{}
		for k := range v.Len() {
			l = append(l, a.value(v.Index(k)))
		}
		return l
	case reflect.String:
		return a.name(v.String())
	case reflect.Map:
		return nil
	default: // numbers and truths
		return v.Interface()
	}
}

func (a *anonymous) text(valid bool, s fmt.Stringer) string {
	if !valid {
		return ""
	}
	return s.String()
}

// object writes an object once, and refers to it from then on.
func (a *anonymous) object(v reflect.Value) any {
	id, ok := a.ids[v.Interface()]
	if !ok {
		id = fmt.Sprintf("%s %d", v.Type().Elem().Name(), len(a.ids)+1)
		a.ids[v.Interface()] = id
		a.objects[id] = nil // it may lead back to itself
		a.objects[id] = a.value(v.Elem())
	}
	return id
}

// kept are ranges whose addresses mean something to AWS.
var kept = [...]netip.Prefix{
	netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254}), 16),
	netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2}), 32),
}

// private are ranges within which addresses stay.
var private = [...]netip.Prefix{
	netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16}), 12), netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168}), 16),
	netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10),
}

// addr replaces an address: each bit in the middle is turned, or not, by what
// stands before it, so that two addresses keep the length of what they share.
func (a *anonymous) addr(x netip.Addr) netip.Addr {
	if !x.IsValid() {
		return x
	}
	for _, p := range kept {
		if p.Contains(x) {
			return x
		}
	}
	b := x.AsSlice()
	from, to := 8, 24
	if len(b) == 16 {
		from, to = 16, 112
	}
	for _, p := range private {
		if p.Contains(x) {
			from = p.Bits()
		}
	}
	out := append([]byte{}, b...)
	for bit := from; bit < to; bit++ {
		before := append([]byte{}, b...)
		for k := bit; k < len(b)*8; k++ {
			before[k/8] &^= 0x80 >> (k % 8)
		}
		mac := hmac.New(sha256.New, a.key[:])
		mac.Write(binary.BigEndian.AppendUint16(before, uint16(bit)))
		if mac.Sum(nil)[0]&1 == 1 {
			out[bit/8] ^= 0x80 >> (bit % 8)
		}
	}
	y, _ := netip.AddrFromSlice(out)
	return y
}
