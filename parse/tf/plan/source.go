package plan

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
)

// indexSource finds the instances of the configuration by address.
func indexSource(root *tf.Root) map[string]*tf.Instance {
	m := map[string]*tf.Instance{}
	if root == nil {
		return m
	}
	for _, in := range root.Instances {
		if in != nil && in.Body != nil && in.Maybe == nil {
			m[in.Address] = in
		}
	}
	return m
}

// merge gives what a plan shows the places of the configuration, and the values
// that the configuration knows and the plan does not. Where both know a value
// the plan's counts: it is what Terraform is going to do.
func merge(p, s *tf.Block) *tf.Block {
	out := &tf.Block{Type: p.Type, Range: s.Range, Attrs: map[string]tf.Attr{}, Maybe: p.Maybe}
	for name, a := range p.Attrs {
		out.Attrs[name] = mergeAttr(a, s, name)
	}
	took := map[string]bool{}
	for _, n := range p.Blocks {
		theirs, _ := s.Nested(n.Type)
		switch {
		case took[n.Type]:
		case !allKnown(p, n.Type) && len(theirs) > 0 && blocksKnown(theirs):
			out.Blocks = append(out.Blocks, theirs...)
			took[n.Type] = true
		default:
			out.Blocks = append(out.Blocks, placed(n, theirs, s.Range))
		}
	}
	return out
}

func mergeAttr(a tf.Attr, s *tf.Block, name string) tf.Attr {
	theirs, ok := s.Attrs[name]
	if !ok {
		a.Range, a.Elems = s.Range, nil
		if at := blockRange(s, name); at != (diag.Range{}) {
			a.Range = at
		}
		return a
	}
	raw, _ := theirs.Value.UnmarkDeep()
	ours, _ := a.Value.UnmarkDeep()
	if !isKnown(a) && raw.IsWhollyKnown() || !ours.IsKnown() && raw.IsKnown() {
		return theirs
	}
	a.Range, a.Fields, a.Elems = theirs.Range, nil, nil
	if n, known := length(a); known {
		if m, known := length(theirs); known && n == m {
			a.Elems = theirs.Elems
		}
	}
	return a
}

// blockRange is where blocks of a type stand.
func blockRange(s *tf.Block, typ string) diag.Range {
	for _, n := range s.Blocks {
		if n.Type == typ {
			return n.Range
		}
	}
	return diag.Range{}
}

func isKnown(a tf.Attr) bool {
	raw, _ := a.Value.UnmarkDeep()
	return raw.IsWhollyKnown() && a.More == nil
}

func length(a tf.Attr) (int, bool) {
	raw, _ := a.Value.Unmark()
	if !raw.IsKnown() || raw.IsNull() || !raw.CanIterateElements() {
		return 0, false
	}
	return raw.LengthInt(), true
}

// allKnown reports whether the blocks of a type in a body are wholly known.
func allKnown(b *tf.Block, typ string) bool {
	var of []*tf.Block
	for _, n := range b.Blocks {
		if n.Type == typ {
			of = append(of, n)
		}
	}
	return blocksKnown(of)
}

func blocksKnown(of []*tf.Block) bool {
	for _, n := range of {
		if n.Maybe != nil || !blocksKnown(n.Blocks) {
			return false
		}
		for _, a := range n.Attrs {
			if !isKnown(a) {
				return false
			}
		}
	}
	return true
}

// placed gives a block of a plan the place of its type in the configuration. A
// set does not tell which of several blocks it is, unless the values do.
func placed(n *tf.Block, theirs []*tf.Block, all diag.Range) *tf.Block {
	var match []*tf.Block
	for _, t := range theirs {
		if agree(n, t) {
			match = append(match, t)
		}
	}
	if len(match) == 1 {
		return merge(n, match[0])
	}
	at := all
	if len(theirs) > 0 {
		at = theirs[0].Range
	}
	out := &tf.Block{Type: n.Type, Range: at, Attrs: map[string]tf.Attr{}, Maybe: n.Maybe}
	for name, a := range n.Attrs {
		a.Range, a.Elems = at, nil
		out.Attrs[name] = a
	}
	for _, inner := range n.Blocks {
		out.Blocks = append(out.Blocks, placed(inner, nil, at))
	}
	return out
}

// agree reports whether nothing that both blocks know differs.
func agree(n, t *tf.Block) bool {
	for name, a := range n.Attrs {
		b, ok := t.Attrs[name]
		if !ok || !isKnown(a) || !isKnown(b) {
			continue
		}
		x, _ := a.Value.UnmarkDeep()
		y, _ := b.Value.UnmarkDeep()
		if plainText(x) != plainText(y) {
			return false
		}
	}
	return true
}
