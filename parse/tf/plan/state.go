package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// readState finds the objects of a state: a state file, or what terraform show
// -json prints of one.
func (d *document) readState() {
	if d.root.has("values") {
		for _, r := range modulesOf(d.root.get("values")) {
			d.add(&object{address: r.get("address").str(), at: r, after: r.get("values"), sensitive: r.get("sensitive_values"), existing: true})
		}
		return
	}
	version := d.root.get("version")
	switch {
	case d.root.has("modules"):
		for _, m := range d.root.get("modules").list() {
			d.readModule3(m)
		}
	case d.root.has("resources"):
		for _, r := range d.root.get("resources").list() {
			d.readResource4(r)
		}
	default:
		d.problem(true, version, "states of this version are not read", "write it with: terraform show -json")
	}
	if version.is(kindNumber) && len(version.text) > 0 && version.text > "4" {
		d.problem(false, version, "states of this version are not known; it is read as version 4 is", "check the result against terraform show -json")
	}
}

// readResource4 reads the instances of a resource in a state of version 4.
func (d *document) readResource4(r *node) {
	address := r.get("type").str() + "." + r.get("name").str()
	if r.get("mode").str() == "data" {
		address = "data." + address
	}
	address = join(r.get("module").str(), address)
	for _, in := range r.get("instances").list() {
		if in.get("deposed").str() != "" {
			continue
		}
		key := in.get("index_key")
		o := &object{address: address + writeKey(key), at: in, after: in.get("attributes"), sensitive: sensitivePaths(in.get("sensitive_attributes")), existing: true}
		if flat := in.get("attributes_flat"); o.after == nil && flat != nil {
			o.after = unflatten(flat)
		}
		d.add(o)
	}
}

// sensitivePaths marks the attributes in which a sensitive value stands.
func sensitivePaths(paths *node) *node {
	out := &node{kind: kindObject}
	for _, p := range paths.list() {
		step := p.elem(0)
		if p.is(kindObject) { // Terraform before 0.15
			step = p
		}
		if name := step.get("value"); name.str() != "" {
			out.set(name.str(), &node{kind: kindBool, truth: true})
		}
	}
	return out
}

// stateOutputs reads the outputs of the root module of a state file.
func (d *document) stateOutputs() {
	outputs := d.root.get("outputs")
	for _, m := range d.root.get("modules").list() {
		if len(m.get("path").list()) == 1 {
			outputs = m.get("outputs")
		}
	}
	for _, name := range outputs.members() {
		if v := outputs.at(name, "value"); v != nil {
			d.output(name, v, []cty.Value{plainValue(v)})
		}
	}
}

// readModule3 reads a module of a state of version 3. Its path begins with
// "root"; resources are named by type, name and number, and their attributes
// are flat.
func (d *document) readModule3(m *node) {
	module := ""
	for i, p := range m.get("path").list() {
		if i > 0 {
			module = join(module, "module."+p.str())
		}
	}
	resources := m.get("resources")
	for _, key := range resources.members() {
		r := resources.get(key)
		primary := r.get("primary")
		if primary.isNull() {
			continue // only deposed instances are left
		}
		ss := strings.Split(key, ".")
		if n := len(ss) - 1; n > 0 {
			if _, err := strconv.Atoi(ss[n]); err == nil {
				key = strings.Join(ss[:n], ".") + "[" + ss[n] + "]"
			}
		}
		d.add(&object{address: join(module, key), at: r, after: unflatten(primary.get("attributes")), existing: true})
	}
}

// unflatten makes lists and blocks of the attributes of a state of version 3:
// ingress.# is how many there are, ingress.1403647648.from_port a part of one.
// The counts are not trusted: what is there is what has parts.
func unflatten(flat *node) *node {
	if flat == nil {
		return nil
	}
	root := &branch{}
	for _, key := range slices.Sorted(slices.Values(flat.members())) {
		root.add(strings.SplitN(key, ".", maxDepth), flat.get(key))
	}
	return root.node(flat)
}

// branch is a flat attribute with parts, before it is known to be a list, a set
// or a map.
type branch struct {
	leaf  *node
	names []string
	parts map[string]*branch
}

func (b *branch) add(path []string, v *node) {
	if len(path) == 0 {
		b.leaf = v
		return
	}
	if b.parts == nil {
		b.parts = map[string]*branch{}
	}
	p := b.parts[path[0]]
	if p == nil {
		p = &branch{}
		b.parts[path[0]] = p
		b.names = append(b.names, path[0])
	}
	p.add(path[1:], v)
}

// node turns a branch into a value. What has a part "#" is a list.
func (b *branch) node(at *node) *node {
	switch {
	case len(b.parts) == 0 && b.leaf != nil:
		return b.leaf
	case b.parts["#"] == nil:
		out := &node{kind: kindObject, start: at.start, end: at.end}
		for _, name := range b.names {
			if name != "%" {
				out.set(name, b.parts[name].node(at))
			}
		}
		return out
	}
	out := &node{kind: kindArray, start: at.start, end: at.end}
	for _, name := range slices.SortedFunc(slices.Values(b.names), byNumber) {
		if name != "#" {
			out.items = append(out.items, b.parts[name].node(at))
		}
	}
	return out
}

// byNumber orders the names of list elements; those of sets are numbers too.
func byNumber(a, b string) int {
	x, _ := strconv.ParseUint(a, 10, 64)
	y, _ := strconv.ParseUint(b, 10, 64)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
}
