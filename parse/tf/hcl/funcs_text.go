package hcl

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func text(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

// onText makes a function of strings.
func onText(result cty.Type, f func(args []string) (cty.Value, error), params ...string) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(result), RefineResult: func(b *cty.RefinementBuilder) *cty.RefinementBuilder { return b.NotNull() }}
	for _, p := range params {
		spec.Params = append(spec.Params, text(p))
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		ss := make([]string, len(args))
		for i, a := range args {
			ss[i] = a.AsString()
		}
		return f(ss)
	}
	return function.New(spec)
}

var (
	startsWith = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String, AllowUnknown: true}, text("prefix")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			prefix := args[1].AsString()
			if args[0].IsKnown() {
				return cty.BoolVal(strings.HasPrefix(args[0].AsString(), prefix)), nil
			}
			known := args[0].Range().StringPrefix()
			switch {
			case strings.HasPrefix(known, prefix):
				return cty.True, nil
			case !strings.HasPrefix(prefix, known):
				return cty.False, nil
			}
			return cty.UnknownVal(cty.Bool).RefineNotNull(), nil
		},
	})
	endsWith = onText(cty.Bool, func(a []string) (cty.Value, error) { return cty.BoolVal(strings.HasSuffix(a[0], a[1])), nil }, "str", "suffix")

	strContains = onText(cty.Bool, func(a []string) (cty.Value, error) { return cty.BoolVal(strings.Contains(a[0], a[1])), nil }, "str", "substr")

	// replace takes a regular expression between slashes, else plain text.
	replace = onText(cty.String, func(a []string) (cty.Value, error) {
		if isPattern(a[1]) {
			re, err := regexp.Compile(a[1][1 : len(a[1])-1])
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(re.ReplaceAllString(a[0], a[2])), nil
		}
		return cty.StringVal(strings.ReplaceAll(a[0], a[1], a[2])), nil
	}, "str", "substr", "replace")

	timeCompare = onText(cty.Number, func(a []string) (cty.Value, error) {
		x, err := time.Parse(time.RFC3339, a[0])
		if err != nil {
			return cty.UnknownVal(cty.Number), fmt.Errorf("%q is not an RFC 3339 time", a[0])
		}
		y, err := time.Parse(time.RFC3339, a[1])
		if err != nil {
			return cty.UnknownVal(cty.Number), fmt.Errorf("%q is not an RFC 3339 time", a[1])
		}
		return cty.NumberIntVal(int64(x.Compare(y))), nil
	}, "timestamp_a", "timestamp_b")

	base64Gzip = onText(cty.String, func(a []string) (cty.Value, error) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(a[0])); err != nil {
			return cty.UnknownVal(cty.String), err
		}
		if err := w.Flush(); err != nil { // as Terraform does: the bytes are to be the same
			return cty.UnknownVal(cty.String), err
		}
		if err := w.Close(); err != nil {
			return cty.UnknownVal(cty.String), err
		}
		return cty.StringVal(base64Text(b.Bytes())), nil
	}, "str")

	textEncode = onText(cty.String, func(a []string) (cty.Value, error) {
		order, err := utf16Order(a[1])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		if order == nil {
			return cty.StringVal(base64Text([]byte(a[0]))), nil
		}
		var b []byte
		for _, u := range utf16.Encode([]rune(a[0])) {
			b = order.AppendUint16(b, u)
		}
		return cty.StringVal(base64Text(b)), nil
	}, "string", "encoding")

	textDecode = onText(cty.String, func(a []string) (cty.Value, error) {
		data, err := base64.StdEncoding.DecodeString(a[0])
		if err != nil {
			return cty.UnknownVal(cty.String), fmt.Errorf("this is not base64")
		}
		order, err := utf16Order(a[1])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		if order == nil {
			return cty.StringVal(string(data)), nil
		}
		us := make([]uint16, 0, len(data)/2)
		for i := 0; i+1 < len(data); i += 2 {
			us = append(us, order.Uint16(data[i:]))
		}
		return cty.StringVal(string(utf16.Decode(us))), nil
	}, "source", "encoding")
)

// uuidV5 is a UUID made from a name.
var uuidV5 = onText(cty.String, func(a []string) (cty.Value, error) {
	spaces := map[string]uuid.UUID{"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500}
	space, ok := spaces[a[0]]
	if !ok {
		var err error
		if space, err = uuid.Parse(a[0]); err != nil {
			return cty.UnknownVal(cty.String), fmt.Errorf("%q is not a UUID", a[0])
		}
	}
	return cty.StringVal(uuid.NewSHA1(space, []byte(a[1])).String()), nil
}, "namespace", "name")

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// utf16Order knows the encodings that Terraform code asks for; nil is UTF-8.
func utf16Order(name string) (byteOrder, error) {
	switch strings.ToUpper(name) {
	case "UTF-16LE":
		return binary.LittleEndian, nil
	case "UTF-16BE":
		return binary.BigEndian, nil
	case "UTF-8", "US-ASCII", "ASCII":
		return nil, nil
	}
	return nil, fmt.Errorf("postern does not know the encoding %q", name)
}

func isPattern(s string) bool {
	return len(s) > 1 && s[0] == '/' && s[len(s)-1] == '/'
}

// The predicted sizes. They err on the large side.

func sizeOf(v cty.Value) int {
	f := inspect(v, Limits{Value: 1 << 30, String: 1 << 40})
	return f.size + f.bytes/bytesPerElement
}

// bytesPerElement weighs text against elements of collections.
const bytesPerElement = 16

func unmarked(v cty.Value) cty.Value {
	v, _ = v.UnmarkDeep()
	return v
}

func productSize(args []cty.Value) int {
	n := 1
	for _, a := range args {
		a = unmarked(a)
		if !a.CanIterateElements() {
			return 0
		}
		if n *= max(a.LengthInt(), 1); n > 1<<30 {
			break
		}
	}
	return n * (len(args) + 1)
}

func joinSize(args []cty.Value) int {
	n := 0
	for _, a := range args[1:] {
		if a = unmarked(a); a.CanIterateElements() {
			n += a.LengthInt()
		}
	}
	return n * len(unmarked(args[0]).AsString()) / bytesPerElement
}

func replaceSize(args []cty.Value) int {
	s, sub, with := unmarked(args[0]).AsString(), unmarked(args[1]).AsString(), unmarked(args[2]).AsString()
	if !isPattern(sub) {
		return (strings.Count(s, sub)*len(with) + len(s)) / bytesPerElement
	}
	matches := len(s) + 1
	if len(with) > 0 && len(s) > 1000 {
		if re, err := regexp.Compile(sub[1 : len(sub)-1]); err == nil {
			matches = len(re.FindAllStringIndex(s, -1))
		}
	}
	// $0 and the like stand for as much as the whole text.
	return (matches*len(with) + strings.Count(with, "$")*len(s) + len(s)) / bytesPerElement
}

func indentSize(args []cty.Value) int {
	n, _ := unmarked(args[0]).AsBigFloat().Int64()
	return int(min(max(n, 0), 1<<32)) * (strings.Count(unmarked(args[1]).AsString(), "\n") + 1) / bytesPerElement
}

var widths = regexp.MustCompile(`[0-9]+`)

// formatSize adds up the widths that a format asks for.
func formatSize(args []cty.Value) int {
	a := unmarked(args[0])
	if a.Type() != cty.String {
		return 0
	}
	n, rows := 0, 1
	for _, w := range widths.FindAllString(a.AsString(), -1) {
		i, err := strconv.Atoi(w)
		if err != nil || i > 1<<24 {
			return 1 << 30
		}
		n += i
	}
	for _, v := range args[1:] {
		v = unmarked(v)
		n += sizeOf(v) * bytesPerElement
		if v.CanIterateElements() {
			rows = max(rows, v.LengthInt())
		}
	}
	if n > 1<<30 {
		return n
	}
	return n * rows / bytesPerElement
}

// converter makes tostring and the like.
func converter(want cty.Type) function.Function {
	plain := stdlib.MakeToFunc(want)
	return function.New(&function.Spec{
		Params: plain.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if many(args[0]) {
				return want, nil
			}
			return plain.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			if many(args[0]) {
				return convertTo(args[0], want)
			}
			return plain.Call(args)
		},
	})
}
