package solver

// mark is where the arena stood before an operation.
type mark struct{ nodes, chunks, last, used int }

// begin starts an operation.
func (d *diagram[K]) begin() mark {
	n := len(d.chunks)
	d.began = mark{len(d.nodes), n, len(d.chunks[n-1]), d.used}
	d.steps, d.over, d.clean = 0, false, d.used
	return d.began
}

// rollback forgets what an operation over budget has built, so that its
// fragments do not use up the budget of the next one.
func (d *diagram[K]) rollback(m mark) {
	d.stack, d.ids = d.stack[:0], d.ids[:0]
	if len(d.nodes) == m.nodes {
		return
	}
	clear(d.chunks[m.chunks:])
	d.nodes, d.chunks, d.used = d.nodes[:m.nodes], d.chunks[:m.chunks], m.used
	d.chunks[m.chunks-1] = d.chunks[m.chunks-1][:m.last]
	d.rehash(len(d.table))
	clear(d.cache)
}

// littered reports whether collecting is worth its time: as much was built as
// was left at the last collection.
func (d *diagram[K]) littered() bool {
	return d.used-d.clean > max(d.litter, d.clean-d.began.used)
}

// spent reports whether an operation ran out of edges, not of steps, that a
// collection may give back; if so, it can go on after one.
func (d *diagram[K]) spent() bool {
	if d.used == d.clean || d.steps > stepsPerEdge*d.maxEdges {
		return false
	}
	d.over, d.stack = false, d.stack[:0]
	return true
}

// collect drops the nodes that the running operation has built and that none
// of the roots leads to, and moves the others together. The roots are changed
// to their new ids; no other id from after the beginning is good any more.
//
// A node is always newer than those it leads to, so one pass from the newest
// down finds what is needed, and one pass up can move it.
func (d *diagram[K]) collect(roots ...[]id) {
	old := id(d.began.nodes)
	moved := make([]id, len(d.nodes)-d.began.nodes) // first only: not invalid means needed
	need := func(a id) {
		if a >= old {
			moved[a-old] = a
		}
	}
	for _, list := range roots {
		for _, a := range list {
			need(a)
		}
	}
	for i := len(moved) - 1; i >= 0; i-- {
		if moved[i] != invalid {
			for _, e := range d.out(old + id(i)) {
				need(e.to)
			}
		}
	}
	d.move(old, moved)
	for _, list := range roots {
		for i, a := range list {
			if a >= old {
				list[i] = moved[a-old]
			}
		}
	}
	clear(d.cache)
	d.clean = d.used
}

// move rebuilds the arena from the node old on, with the nodes that are needed,
// and writes down where each went.
func (d *diagram[K]) move(old id, moved []id) {
	nodes, chunks := d.nodes, d.chunks
	// The rest of the chunk that was open is left as it is, since nodes that
	// are yet to be moved may lie in it.
	d.chunks = append([][]edge[K]{}, chunks[:d.began.chunks]...)
	open := d.began.chunks - 1
	d.chunks[open] = chunks[open][:d.began.last:d.began.last]
	d.nodes, d.used = nodes[:old], d.began.used
	for i := range moved {
		if moved[i] == invalid {
			continue
		}
		n := nodes[int(old)+i]
		at := n.first & (1<<chunkBits - 1)
		base := len(d.stack)
		for _, e := range chunks[n.first>>chunkBits][at : at+n.n] {
			if e.to >= old {
				e.to = moved[e.to-old]
			}
			d.stack = append(d.stack, e)
		}
		es := d.stack[base:]
		d.stack = d.stack[:base]
		moved[i] = id(len(d.nodes))
		d.nodes = append(d.nodes, node{d.store(es), n.n, hashOf(int(n.level), es), n.level})
	}
	d.rehash(len(d.table))
}
