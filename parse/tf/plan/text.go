package plan

import (
	"math"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

func itoa(n int) string { return strconv.Itoa(n) }

// clean keeps the characters out of strings that symbols are made of.
func clean(s string) string {
	if !strings.ContainsAny(s, "\uE000\uE001\uE002") {
		return s
	}
	return strings.NewReplacer("\uE000", "\uFFFD", "\uE001", "\uFFFD", "\uE002", "\uFFFD").Replace(s)
}

// longestNumber is how many characters are read exactly. Numbers that concern a
// network have few; others need not be exact.
const longestNumber = 40

// beyond is larger than everything that is a port or a count.
const beyond = 1e15

func number(text string) cty.Value {
	if len(text) <= longestNumber && !strings.ContainsAny(text, "eE") {
		if v, err := cty.ParseNumberVal(text); err == nil {
			return v
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) > beyond {
		f = math.Copysign(beyond, f)
	}
	return cty.NumberFloatVal(f)
}

// plainText writes a value in the way in which values of different types that
// Terraform converts into each other are equal.
func plainText(v cty.Value) string {
	switch {
	case v.IsNull() || !v.IsKnown():
		return ""
	case v.Type() == cty.String:
		return strings.ToLower(v.AsString())
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.Bool:
		return strconv.FormatBool(v.True())
	case !v.CanIterateElements():
		return ""
	}
	var parts []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		parts = append(parts, plainText(e))
	}
	return strings.Join(parts, ",")
}
