package hcl

import (
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/postern-dev/postern/parse/tf"
)

// minted are the types of resources whose id EC2 makes: a word, a hyphen and
// hexadecimal digits.
var minted = map[string]bool{
	"aws_ec2_managed_prefix_list": true, "aws_eip": true, "aws_instance": true, "aws_internet_gateway": true, "aws_nat_gateway": true,
	"aws_network_acl": true, "aws_network_interface": true, "aws_route_table": true, "aws_security_group": true, "aws_subnet": true,
	"aws_vpc": true, "aws_vpc_endpoint": true,
}

// split takes a text apart. That an id is not known yet does not matter where
// the separator cannot stand in one: split(",", join(",", ids)) gives the ids.
func split(s *scope, args []cty.Value) (cty.Value, error) {
	for i := range args {
		v, err := convertTo(args[i], cty.String)
		if err != nil {
			return cty.NilVal, err
		}
		args[i] = v
	}
	text, marks := args[1].Unmark()
	separator, more := args[0].Unmark()
	if wholly([]cty.Value{separator, text}) && tf.HasSymbol(text.AsString()) && !outsideIDs(separator.AsString(), text.AsString()) {
		args[1] = s.opaque(args[1])
		text, _ = args[1].Unmark()
	}
	args[0] = s.opaque(args[0])
	if wholly(args) && splitSize(args) > s.ev.limits.Value {
		return cty.NilVal, errGrows
	}
	if !wholly(args) || !tf.HasSymbol(text.AsString()) {
		return stdlib.SplitFunc.Call(args)
	}
	// A symbol holds an address, and so any character. A number stands for it.
	symbols := tf.Symbols(text.AsString())
	hidden, back := []string{}, []string{}
	for i, symbol := range symbols {
		stand := symbolStart + strconv.Itoa(i) + symbolEnd
		hidden, back = append(hidden, symbol, stand), append(back, stand, symbol)
	}
	whole := strings.NewReplacer(back...)
	var parts []cty.Value
	for _, part := range strings.Split(strings.NewReplacer(hidden...).Replace(text.AsString()), separator.AsString()) {
		parts = append(parts, cty.StringVal(whole.Replace(part)))
	}
	return cty.ListVal(parts).WithMarks(marks, more), nil
}

// outsideIDs reports whether a separator cannot stand in what the symbols of a
// text will be.
func outsideIDs(separator, text string) bool {
	if separator == "" || strings.ContainsAny(separator, "abcdefghijklmnopqrstuvwxyz0123456789-") {
		return false
	}
	for _, symbol := range tf.Symbols(text) {
		address, attr, _ := tf.ParseSymbol(symbol)
		local := withoutKeys(address)
		parts := strings.Split(local, ".")
		if n := len(parts); attr != "id" || n < 2 || !minted[parts[n-2]] {
			return false
		}
	}
	return true
}

// withoutKeys takes the keys of instances off an address.
func withoutKeys(address string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
