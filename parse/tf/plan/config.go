package plan

import (
	"slices"
	"strings"
)

// config is the configuration section of a plan: expressions are constants or
// lists of references there, never more. Blocks that dynamic makes, locals, and
// the instances of module calls do not appear in it.
type config struct {
	there     bool
	providers *node
	modules   map[string]*node // by the names of the calls: net.inner
	calls     map[string]*node // the calls themselves
	resources map[string]*node // by the calls, a space, and the resource
}

func newConfig(n *node) *config {
	c := &config{
		there: n.at("root_module").is(kindObject), providers: n.get("provider_config"),
		modules: map[string]*node{}, calls: map[string]*node{}, resources: map[string]*node{},
	}
	c.add("", n.get("root_module"))
	return c
}

func (c *config) add(calls string, m *node) {
	c.modules[calls] = m
	for _, r := range m.get("resources").list() {
		if p, ok := locate(r.get("address").str()); ok {
			c.resources[calls+" "+p.local()] = r
		}
	}
	mc := m.get("module_calls")
	for _, name := range mc.members() {
		inner := strings.TrimPrefix(calls+"."+name, ".")
		c.calls[inner] = mc.get(name)
		c.add(inner, mc.at(name, "module"))
	}
}

// region is the Region of the provider that a resource has, "" when it is not a
// constant or a variable of the root.
func (c *config) region(resource *node, variables *node) string {
	e := c.providers.at(resource.get("provider_config_key").str(), "expressions", "region")
	if s := e.get("constant_value").str(); s != "" {
		return s
	}
	refs := e.get("references").list()
	if len(refs) != 1 {
		return ""
	}
	name, ok := strings.CutPrefix(refs[0].str(), "var.")
	if !ok {
		return ""
	}
	return variables.at(name, "value").str()
}

// exprs is what the configuration says about an attribute: the expression, or,
// for nested blocks, those of every block. A resource of which the
// configuration says nothing at all has there unset.
type exprs struct {
	there bool // the configuration of the resource is in the plan
	nodes []*node
}

// isLeaf reports whether a node is an expression and not a nested block.
func isLeaf(n *node) bool {
	return n.has("references") || n.has("constant_value") || n.is(kindObject) && len(n.keys) == 0
}

// child is what stands at an attribute or nested block. Blocks in attribute
// syntax have one list of references for everything inside them.
func (x exprs) child(name string) exprs {
	out := exprs{there: x.there}
	for _, n := range x.nodes {
		if isLeaf(n) {
			out.nodes = append(out.nodes, n)
			continue
		}
		switch v := n.get(name); {
		case v == nil:
		case v.is(kindArray):
			out.nodes = append(out.nodes, v.items...)
		default:
			out.nodes = append(out.nodes, v)
		}
	}
	return out
}

// flat reports whether one expression stands for whole blocks, so that what it
// refers to may be of any attribute in them.
func (x exprs) flat() bool { return slices.ContainsFunc(x.nodes, isLeaf) }

// references are the references of all expressions, each as long as it is.
func (x exprs) references() []string {
	var out []string
	for _, n := range x.nodes {
		out = append(out, references(n)...)
	}
	return out
}

// references reads the list of an expression. Terraform lists what a reference
// leads through behind the reference itself: aws_subnet.a[0].id is followed by
// aws_subnet.a[0] and aws_subnet.a.
func references(n *node) []string {
	var out []string
	last := ""
	for _, r := range n.get("references").list() {
		s := r.str()
		if s == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(last, s); ok && rest != "" && (rest[0] == '.' || rest[0] == '[') {
			last = s
			continue
		}
		out = append(out, s)
		last = s
	}
	return out
}
