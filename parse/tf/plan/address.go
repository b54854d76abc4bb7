package plan

import (
	"strconv"
	"strings"
)

// step is one part of an address or reference: a name with its index.
// In aws_subnet.a["x"].id the steps are aws_subnet, a["x"] and id.
type step struct {
	name string
	key  string // `["x"]`, `[0]`, several after each other; "" without
}

// steps takes an address or reference apart. Dots inside of quoted keys do not
// separate.
func steps(s string) []step {
	var out []step
	for len(s) > 0 {
		i := strings.IndexAny(s, ".[")
		if i < 0 {
			return append(out, step{name: s})
		}
		one := step{name: s[:i]}
		s = s[i:]
		for strings.HasPrefix(s, "[") {
			end := keyEnd(s)
			one.key += s[:end]
			s = s[end:]
		}
		out = append(out, one)
		s = strings.TrimPrefix(s, ".")
	}
	return out
}

// keyEnd is where an index that starts a string ends.
func keyEnd(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted:
			return i + 1
		}
	}
	return len(s)
}

// path writes steps as they stand in an address.
func path(ss []step) string {
	var sb strings.Builder
	for i, s := range ss {
		if i > 0 {
			sb.WriteByte('.')
		}
		sb.WriteString(s.name)
		sb.WriteString(s.key)
	}
	return sb.String()
}

// place is where a resource instance belongs, from its address.
type place struct {
	module string // module.net["a"]; "" in the root
	calls  string // net, or net.inner: the names of the calls, without indexes
	data   bool
	typ    string
	name   string
	key    string // the instance's index
}

// locate takes the address of a resource instance apart; ok is false when it
// is none.
func locate(address string) (place, bool) {
	ss := steps(address)
	var p place
	n := 0
	for n+1 < len(ss) && ss[n].name == "module" && ss[n].key == "" {
		n += 2
	}
	p.module, p.calls = path(ss[:n]), callNames(ss[:n])
	if n < len(ss) && ss[n].name == "data" && ss[n].key == "" {
		p.data = true
		n++
	}
	if len(ss)-n != 2 || ss[n].key != "" || ss[n].name == "" || ss[n+1].name == "" {
		return place{}, false
	}
	p.typ, p.name, p.key = ss[n].name, ss[n+1].name, ss[n+1].key
	return p, true
}

// isData reports whether a reference is to a data source.
func isData(ref string) bool {
	ss := steps(ref)
	for len(ss) > 2 && ss[0].name == "module" {
		ss = ss[2:]
	}
	return len(ss) > 0 && ss[0].name == "data"
}

// callNames are the names of module calls on the way to a module.
func callNames(ss []step) string {
	var names []string
	for i := 1; i < len(ss); i += 2 {
		names = append(names, ss[i].name)
	}
	return strings.Join(names, ".")
}

// resource is the address without the instance's index.
func (p place) resource() string { return join(p.module, p.local()) }

// local is the resource within its module.
func (p place) local() string {
	if p.data {
		return "data." + p.typ + "." + p.name
	}
	return p.typ + "." + p.name
}

func join(module, rest string) string {
	if module == "" {
		return rest
	}
	return module + "." + rest
}

// parent is the module that calls a module, the name of the call, and the index
// of the module instance.
func parent(module string) (outer, call, key string) {
	ss := steps(module)
	if len(ss) < 2 {
		return "", "", ""
	}
	last := ss[len(ss)-1]
	return path(ss[:len(ss)-2]), last.name, last.key
}

// writeKey writes an instance key as addresses have it.
func writeKey(n *node) string {
	switch {
	case n.is(kindNumber):
		return "[" + n.text + "]"
	case n.is(kindString):
		return "[" + strconv.Quote(n.text) + "]"
	}
	return ""
}
