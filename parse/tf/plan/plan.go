// Package plan reads Terraform plans as JSON (terraform show -json) and states
// (of version 4 and 3, and terraform show -json of one) and gives back resource
// instances as package hcl does.
//
// A plan says of an object what it will be (after), which of its attributes are
// not known until it is made (after_unknown), and what the configuration refers
// to (configuration). Whole networks hang on the third: the id of a group that
// does not exist yet is unknown everywhere, and only the reference tells which
// group is meant. So an unknown id is followed through the configuration:
// variables to module calls, outputs into modules, locals, of which a plan says
// nothing, to everything that their module can get at. If one object is left,
// the value is that object's symbol. If several are, it is unknown and carries
// them as what it may be. A symbol too many would be a lie; one too few only
// makes an answer vaguer.
//
// Terraform shows a list with one unknown element as wholly unknown. References
// tell what is in it, but not what is written out beside them: such a list
// holds the ids that are referred to, and perhaps more. The configuration
// itself, when it is at hand, settles both: see Options.Source.
//
// In states everything is known. Objects name each other by their ids.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// MaxSize is the largest document that is read, in bytes.
const MaxSize = 256 << 20

// Options say how a document is read.
type Options struct {
	// Schemas returns what is known about a resource type, or nil.
	Schemas func(resourceType string) *tf.Schema
	// Source is the configuration that the plan or state was made from,
	// evaluated with the document's Variables; nil when it is not at hand. It
	// gives the places in .tf files, and values that a plan does not show.
	Source *tf.Root
	// Answers says what the data sources among instances find, by address, as far
	// as other inputs tell. It is asked again as long as it tells more.
	Answers func([]*tf.Instance) map[string]*tf.Answer
}

// Document is a plan or a state.
type Document struct {
	file  string
	root  *node
	data  []byte
	state bool
}

// Unreadable is a document that is no JSON, and where it stops being that.
type Unreadable struct {
	Message string
	Range   diag.Range
}

func (e *Unreadable) Error() string { return e.Message }

// Parse reads a document; file is its name as the user would type it. The error
// says in words what is wrong with one that cannot be read at all.
func Parse(file string, data []byte) (*Document, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the document is larger than %d MiB", MaxSize>>20)
	}
	trimmed := strings.TrimPrefix(string(data[:min(len(data), 3)]), "\xef\xbb\xbf")
	data = data[min(len(data), 3)-len(trimmed):]
	root, err := parseJSON(data)
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			n := newPlaces(file, data).pos(syntax.Offset)
			return nil, &Unreadable{Message: syntax.Message, Range: diag.Range{File: file, Start: n, End: n}}
		}
		return nil, err
	}
	d := &Document{file: file, root: root, data: data}
	d.state = root.has("values") || root.has("version") && !root.has("format_version")
	return d, nil
}

// Variables are the values of the root's variables, as -var takes them.
func (d *Document) Variables() map[string]string {
	out := map[string]string{}
	vs := d.root.get("variables")
	for _, name := range vs.members() {
		switch v := vs.at(name, "value"); {
		case v == nil:
		case v.is(kindString):
			out[name] = v.text
		default:
			out[name] = string(d.data[v.start:v.end])
		}
	}
	return out
}

// Root makes the resource instances of a document. It always returns a root:
// what cannot be read is said in its Diagnostics, or unknown.
func (d *Document) Root(o Options) *tf.Root {
	if o.Schemas == nil {
		o.Schemas = func(string) *tf.Schema { return nil }
	}
	known := answered{}
	for round := 1; ; round++ {
		root := d.read(o, known)
		if o.Answers == nil || round == maxRounds || !known.learn(o.Answers(root.Instances)) {
			return root
		}
	}
}

// read makes the instances with what is known of data sources.
func (d *Document) read(o Options, known answered) *tf.Root {
	doc := &document{
		known: known, at: newPlaces(d.file, d.data), root: d.root, options: o, config: newConfig(d.root.get("configuration")),
		byAddress: map[string]*object{}, byResource: map[string][]*object{}, byModule: map[string][]*object{}, children: map[string][]string{},
		seen: map[string]bool{"": true}, schemas: map[string]*tf.Schema{},
	}
	doc.resolver = &resolver{d: doc, done: map[query]sources{}}
	doc.source = indexSource(o.Source)
	doc.out = &tf.Root{Dir: d.file}
	if o.Source != nil {
		doc.out.Ignores = o.Source.Ignores
	}
	if d.state {
		doc.readState()
	} else {
		doc.readPlan()
	}
	slices.SortStableFunc(doc.objects, func(a, b *object) int { return cmp.Compare(rank(a), rank(b)) })
	for _, x := range doc.objects {
		doc.out.Instances = append(doc.out.Instances, doc.instance(x))
	}
	doc.readOutputs()
	doc.out.Diagnostics = doc.out.Diagnostics.Sort()
	return doc.out
}

// rank puts what holds lists of rules, entries and routes before everything
// else. The lists of an object that exists repeat what resources beside it
// manage, and package aws finds the repetition when it comes to these.
func rank(o *object) int {
	switch o.typ {
	case "aws_security_group", "aws_default_security_group", "aws_network_acl", "aws_default_network_acl", "aws_route_table", "aws_default_route_table":
		return 0
	}
	return 1
}

// document is a plan or state that is being read.
type document struct {
	known    answered
	at       *places
	root     *node
	options  Options
	config   *config
	source   map[string]*tf.Instance
	resolver *resolver
	out      *tf.Root
	schemas  map[string]*tf.Schema

	objects    []*object // in the order of the document
	byAddress  map[string]*object
	byResource map[string][]*object // by the address without the index
	byModule   map[string][]*object // by the module's address
	children   map[string][]string  // modules in a module
	seen       map[string]bool      // modules
}

// object is a resource instance that is there, or will be.
type object struct {
	place
	address string
	at      *node
	// after holds the values, unknown is true where one is not known yet,
	// sensitive where one must not be shown.
	after, unknown, sensitive *node
	// bare: the document shows values only, and leaves out unknown ones.
	bare     bool
	existing bool
	exprs    exprs
	config   *node
	region   string
}

func (o *object) scope() scope { return scope{o.module, o.config.get("for_each_expression")} }

// lacks reports whether an attribute, or a part of it, has no known value.
func (o *object) lacks(attr string) bool {
	return o.unknown.get(attr).holdsTrue() || o.bare && o.after.get(attr) == nil
}

func (d *document) schema(typ string) *tf.Schema {
	s, ok := d.schemas[typ]
	if !ok {
		s = d.options.Schemas(typ)
		d.schemas[typ] = s
	}
	return s
}

// problem notes what is wrong with the document.
func (d *document) problem(isError bool, n *node, message, fix string) {
	d.out.Diagnostics = append(d.out.Diagnostics, diag.Diagnostic{
		Error: isError, Message: message, Fix: fix, Address: d.at.file, Range: d.at.of(n),
	})
}

// omit notes a part of the document that is not in the model.
func (d *document) omit(address string, n *node, code diag.Code, message, fix string) {
	cause := diag.Cause{Code: code, Message: message, Address: address, Range: d.at.of(n)}
	d.out.Omissions = append(d.out.Omissions, ir.Omission{Address: address, Cause: cause})
	d.out.Diagnostics = append(d.out.Diagnostics, diag.Diagnostic{
		Rule: "not-analysed", Message: message, Fix: fix, Address: address, Range: cause.Range, Cause: cause,
	})
}

// readPlan finds the objects of a plan.
func (d *document) readPlan() {
	d.checkPlan()
	gone := map[string]bool{}
	for _, rc := range d.root.get("resource_changes").list() {
		d.readChange(rc, gone)
	}
	for _, rc := range d.root.get("deferred_changes").list() {
		address := rc.at("resource_change", "address").str()
		d.omit(address, rc, diag.Computed, address+" is planned later: it waits for what another apply makes", "plan again after the first apply")
	}
	// Data sources that were read while planning, and objects that the plan
	// leaves alone without a word (terraform plan -target).
	prior := modulesOf(d.root.at("prior_state", "values"))
	for _, r := range prior {
		address := r.get("address").str()
		if !gone[address] && d.byAddress[address] == nil {
			d.add(&object{address: address, at: r, after: r.get("values"), sensitive: r.get("sensitive_values"), existing: true})
		}
	}
	for _, r := range modulesOf(d.root.get("planned_values")) {
		address := r.get("address").str()
		if !gone[address] && d.byAddress[address] == nil {
			d.add(&object{address: address, at: r, after: r.get("values"), sensitive: r.get("sensitive_values"), bare: true})
		}
	}
}

// checkPlan says what the plan as a whole lacks.
func (d *document) checkPlan() {
	version := d.root.get("format_version").str()
	if major, _, _ := strings.Cut(version, "."); version != "" && major != "0" && major != "1" {
		d.problem(false, d.root.get("format_version"), "plans of this format are not known; it is read as version 1 is", "check the result, or the configuration instead")
	}
	if !d.root.has("resource_changes") && !d.root.has("planned_values") {
		d.problem(true, nil, "this plan shows no resources", "write it with: terraform show -json PLANFILE")
	}
	if d.root.get("errored").isTrue() {
		d.omit(d.at.file, d.root.get("errored"), diag.Truncated, "planning failed, so this plan is not whole", "correct the error that terraform plan prints, and plan again")
	}
	if !d.config.there {
		d.omit(d.at.file, nil, diag.Truncated, "this plan has no configuration: which objects belong together is not known where they do not exist yet",
			"write the whole plan with: terraform show -json PLANFILE")
	}
}

// modulesOf lists the resources of a module and of all modules in it.
func modulesOf(values *node) []*node {
	var out []*node
	var walk func(m *node)
	walk = func(m *node) {
		out = append(out, m.get("resources").list()...)
		for _, c := range m.get("child_modules").list() {
			walk(c)
		}
	}
	walk(values.get("root_module"))
	return out
}

// readChange reads what happens to one object. One that is deleted is not
// there any more; one that is replaced is new; one that is only forgotten stays
// in AWS as it was.
func (d *document) readChange(rc *node, gone map[string]bool) {
	address, change := rc.get("address").str(), rc.get("change")
	if rc.get("deposed").str() != "" {
		return // what is left of a replacement that failed
	}
	var created, deleted, forgotten bool
	for _, a := range change.get("actions").list() {
		switch a.str() {
		case "create":
			created = true
		case "delete":
			deleted = true
		case "forget":
			forgotten = true
		}
	}
	o := &object{
		address: address, at: rc, after: change.get("after"), unknown: change.get("after_unknown"), sensitive: change.get("after_sensitive"),
		existing: !created && (!change.get("before").isNull() || change.has("importing")),
	}
	switch {
	case forgotten && created:
		d.omit(address, rc, diag.NotModelled, address+" is made anew, and the object that it was stays in AWS, unmanaged", "remove that object, or export it to have it analysed")
	case forgotten:
		o.after, o.unknown, o.sensitive, o.existing = change.get("before"), nil, change.get("before_sensitive"), true
	case deleted && !created:
		gone[address] = true
		return
	}
	d.add(o)
}

// add files an object. The first one of an address counts.
func (d *document) add(o *object) {
	p, ok := locate(o.address)
	if !ok {
		d.problem(false, o.at, "this entry has no address of a resource, so it is left out", "")
		return
	}
	if d.byAddress[o.address] != nil {
		return
	}
	o.place = p
	o.config = d.config.resources[p.calls+" "+p.local()]
	o.exprs = exprs{there: o.config != nil}
	if o.config != nil {
		o.exprs.nodes = []*node{o.config.get("expressions")}
		if o.exprs.nodes[0] == nil {
			o.exprs.nodes = nil
		}
	}
	d.known.fill(o)
	o.region = d.config.region(o.config, d.root.get("variables"))
	d.objects = append(d.objects, o)
	d.byAddress[o.address] = o
	d.byResource[p.resource()] = append(d.byResource[p.resource()], o)
	d.byModule[p.module] = append(d.byModule[p.module], o)
	for m := p.module; !d.seen[m]; {
		d.seen[m] = true
		outer, _, _ := parent(m)
		d.children[outer] = append(d.children[outer], m)
		m = outer
	}
}
