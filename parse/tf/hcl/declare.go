package hcl

import (
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// ignoredBlocks change nothing about what is planned.
var ignoredBlocks = []string{"terraform", "moved", "import", "removed", "check", "ephemeral", "action", "list", "provider_meta", "required_providers"}

func (d *directory) add(f *Files, b *block, override bool) {
	want := map[string]int{"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1, "locals": 0}
	n, ok := want[b.typ]
	switch {
	case slices.Contains(ignoredBlocks, b.typ):
		if b.typ == "terraform" {
			d.addBackend(b)
		}
		return
	case !ok:
		d.diags = append(d.diags, diag.Diagnostic{
			Rule: "not-analysed", Message: "postern does not know " + b.typ + " blocks", Label: "not analysed", Range: f.place(b.header),
			Fix: "check the spelling; the blocks of a configuration are resource, data, variable, locals, output, module and provider",
		})
		return
	case len(b.labels) != n:
		d.diags = append(d.diags, diag.Diagnostic{
			Error: true, Message: "this " + b.typ + " block has the wrong number of names", Range: f.place(b.header),
			Fix: "write " + map[int]string{0: b.typ + " {", 1: b.typ + ` "NAME" {`, 2: b.typ + ` "TYPE" "NAME" {`}[n],
		})
		return
	}
	switch b.typ {
	case "resource", "data":
		d.addResource(f, b, override)
	case "variable":
		if put(d, f, d.variables, b.labels[0], b, override) {
			d.variableOrder = append(d.variableOrder, b)
		}
	case "output":
		if put(d, f, d.outputs, b.labels[0], b, override) {
			d.outputOrder = append(d.outputOrder, b)
		}
	case "module":
		d.addCall(f, b, override)
	case "provider":
		d.addProvider(b, override)
	case "locals":
		d.addLocals(f, b, override)
	}
}

// put adds a block under its name, or merges it into the one it overrides.
func put(d *directory, f *Files, m map[string]*block, name string, b *block, override bool) (added bool) {
	old := m[name]
	switch {
	case old == nil:
		m[name] = b
		return true
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old)
	}
	return false
}

func (d *directory) duplicate(f *Files, b, old *block) {
	first := f.place(old.header)
	d.diags = append(d.diags, diag.Diagnostic{
		Error: true, Message: strings.TrimSpace(b.typ+" "+strings.Join(b.labels, ".")) + " is declared twice; the first is at " + first.Line(),
		Label: "declared again", Fix: "rename or remove one of them", Note: "the first one was analysed", Range: f.place(b.header),
	})
}

// merge applies an override file: arguments one by one, nested blocks by type.
func (b *block) merge(o *block) {
	for name, a := range o.attrs {
		b.attrs[name] = a
	}
	kept := slices.Clone(b.blocks)
	for _, n := range o.blocks {
		kept = slices.DeleteFunc(kept, func(k *block) bool { return k.blockType() == n.blockType() && !slices.Contains(o.blocks, k) })
	}
	b.blocks = append(kept, o.blocks...)
}

// blockType is the type of block that a block makes, through dynamic or not.
func (b *block) blockType() string {
	if b.typ == "dynamic" && len(b.labels) == 1 {
		return b.labels[0]
	}
	return b.typ
}

func (d *directory) addResource(f *Files, b *block, override bool) {
	r := &resource{block: b, data: b.typ == "data", typ: b.labels[0], name: b.labels[1]}
	old := d.resources[r.local()]
	switch {
	case old == nil:
		d.resources[r.local()] = r
		d.resourceOrder = append(d.resourceOrder, r)
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old.block)
	}
}

func (d *directory) addCall(f *Files, b *block, override bool) {
	c := &call{block: b, name: b.labels[0]}
	old := d.calls[c.name]
	switch {
	case old == nil:
		d.calls[c.name] = c
		d.callOrder = append(d.callOrder, c)
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old.block)
	}
}

func (d *directory) addProvider(b *block, override bool) {
	if override {
		for _, p := range d.providers {
			if p.labels[0] == b.labels[0] && alias(p) == alias(b) {
				p.merge(b)
				return
			}
		}
	}
	d.providers = append(d.providers, b)
}

func alias(p *block) string {
	if e := p.expr("alias"); e != nil {
		s, _ := literal(e)
		return s
	}
	return ""
}

func (d *directory) addLocals(f *Files, b *block, override bool) {
	for _, a := range b.sorted() {
		if old := d.locals[a.name]; old != nil && !override {
			d.diags = append(d.diags, diag.Diagnostic{
				Error: true, Message: "local." + a.name + " is declared twice; the first is at " + f.place(old.rng).Line(),
				Label: "declared again", Fix: "rename or remove one of them", Note: "the first one was analysed", Range: f.place(a.rng),
			})
			continue
		}
		d.locals[a.name] = a
	}
}
