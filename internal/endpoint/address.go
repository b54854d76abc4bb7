package endpoint

import "strings"

// matchAddress reports whether a Terraform address is one that the pattern
// names. An index in the pattern that is * matches every index, and one that is
// missing matches every index and none, so that aws_subnet.data names
// aws_subnet.data[0] and module.db.aws_db_instance.this names the one in
// module.db["eu"]. A * elsewhere in a step matches any letters.
func matchAddress(pattern, address string) bool {
	ps, as := steps(pattern), steps(address)
	if len(ps) != len(as) {
		return false
	}
	for i, p := range ps {
		if !p.matches(as[i]) {
			return false
		}
	}
	return true
}

// step is one part of an address: a name and its index, if it has one.
type step struct {
	name, index string
	indexed     bool
}

func (p step) matches(a step) bool {
	if !Glob(p.name, a.name) {
		return false
	}
	return !p.indexed || p.index == "*" || a.indexed && strings.Trim(p.index, `"`) == strings.Trim(a.index, `"`)
}

// steps takes an address apart at the dots outside brackets and quotes.
func steps(address string) []step {
	var out []step
	start, depth := 0, 0
	quoted, escaped := false, false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '.' && depth <= 0:
			out = append(out, newStep(address[start:i]))
			start = i + 1
		}
	}
	return append(out, newStep(address[start:]))
}

func newStep(s string) step {
	if i := strings.IndexByte(s, '['); i >= 0 && strings.HasSuffix(s, "]") {
		return step{name: s[:i], index: s[i+1 : len(s)-1], indexed: true}
	}
	return step{name: s}
}

// Label returns the name that the author gave the resource of a Terraform
// address: "web" of module.a.aws_instance.web[0]; "" when it is no such address.
func Label(address string) string {
	ss := steps(address)
	if len(ss) < 2 {
		return ""
	}
	return ss[len(ss)-1].name
}

// typeOf returns the resource type of a Terraform address, or "".
func typeOf(address string) string {
	ss := steps(address)
	if len(ss) < 2 || !strings.Contains(ss[len(ss)-2].name, "_") {
		return ""
	}
	return ss[len(ss)-2].name
}

// Glob reports whether a name matches a pattern in which * stands for any
// letters, none included, and ? for one byte. Its work is at most the product
// of the two lengths.
func Glob(pattern, name string) bool {
	star, mark := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
