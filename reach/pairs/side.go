package pairs

// sideWorker computes one bound of tiles: for every pair the union of what the
// groups of both ends allow, cut by the ACLs between them.
//
// What depends on a destination and a group, or a source and a group, is laid
// out in tables once a block, or a tile; a pair is then a handful of word
// operations.
type sideWorker struct {
	t     *Table
	b     *bound
	words int

	// Of the block's destinations.
	to, toEnd int
	out       [2][]uint64 // what egress rules allow, by word, group and destination: of CIDRs alone, and of all rules
	aclTo     rows        // ACLs that look at destinations
	listens   []uint64    // what the destinations answer, by word
	slot      [tileTo]int // of each destination's set of groups
	slotSet   []int32
	cursors   [][]int32 // by slot and word; see refer

	// Of the tile's sources.
	from, fromEnd int
	in            [2]rows // what ingress rules allow, by slot
	aclFrom       rows    // ACLs that look at sources

	strip [2][]uint64 // by destination and source: what the sources' egress rules allow
	cuts  []cut
	ones  []uint64
}

// Tables of what rules allow: without references to groups, and with them.
const (
	bare = 0
	full = 1
)

func newSideWorker(t *Table, b *bound) *sideWorker {
	w := t.Universe.Words
	s := &sideWorker{t: t, b: b, words: w}
	groups := len(b.members)
	s.out[bare] = make([]uint64, w*groups*tileTo)
	s.out[full] = s.out[bare]
	if b.dir[egress].any {
		s.out[full] = make([]uint64, w*groups*tileTo)
	}
	s.aclTo = newRows(2*w*len(b.acl), tileTo)
	s.aclFrom = newRows(2*w*len(b.acl), tileFrom)
	s.listens, s.cursors = make([]uint64, w*tileTo), make([][]int32, w*tileTo)
	for k := range s.in {
		s.in[k] = newRows(w*tileTo, tileFrom)
	}
	s.strip = [2][]uint64{make([]uint64, tileTo*strip), make([]uint64, tileTo*strip)}
	s.ones = make([]uint64, tileFrom)
	for k := range s.ones {
		s.ones[k] = ^uint64(0)
	}
	return s
}

// destinations lays out what depends on the block's destinations.
func (s *sideWorker) destinations(to, toEnd int) {
	s.to, s.toEnd = to, toEnd
	s.aclTo.now++
	rules := s.b.dir[egress].rules
	groups := len(rules)
	for k := range s.words {
		table := s.out[bare][k*groups*tileTo : (k+1)*groups*tileTo]
		clear(table)
		for g := range rules {
			rules[g].or(table[g*tileTo:][:toEnd-to], uint32(to), s.words, k)
		}
		if s.b.dir[egress].any {
			s.referTo(k, table)
		}
		for d := to; d < toEnd; d++ {
			s.listens[k*tileTo+d-to] = s.t.masks.of(s.b.service[d])[k]
		}
	}
	for k := range s.cursors {
		s.cursors[k] = s.cursors[k][:0]
	}
	s.slotSet = s.slotSet[:0]
	slots := map[int32]int{}
	for d := to; d < toEnd; d++ {
		set := s.b.setOf[d]
		n, ok := slots[set]
		if !ok {
			n = len(s.slotSet)
			slots[set] = n
			s.slotSet = append(s.slotSet, set)
		}
		s.slot[d-to] = n
	}
}

// referTo adds what egress rules give to members of groups.
func (s *sideWorker) referTo(k int, bareTable []uint64) {
	table := s.out[full][k*len(bareTable) : (k+1)*len(bareTable)]
	copy(table, bareTable)
	for d := s.to; d < s.toEnd; d++ {
		for _, g := range s.b.member[d] {
			for _, r := range s.b.dir[egress].referrers[g] {
				table[int(r.group)*tileTo+d-s.to] |= s.t.masks.of(r.mask)[k]
			}
		}
	}
}

// sources begins a tile.
func (s *sideWorker) sources(from, fromEnd int) {
	s.from, s.fromEnd = from, fromEnd
	s.aclFrom.now++
	for k := range s.in {
		s.in[k].now++
	}
}

// inRow returns what the groups of a slot let in from the tile's sources.
func (s *sideWorker) inRow(table, slot, k int) []uint64 {
	rules := &s.b.dir[ingress]
	if table == full && !rules.any {
		table = bare
	}
	row, make := s.in[table].get(slot*s.words + k)
	row = row[:s.fromEnd-s.from]
	if !make {
		return row
	}
	set := s.slotSet[slot]
	switch set {
	case noGroups:
		clear(row)
		return row
	case unfiltered:
		copy(row, s.ones)
		return row
	}
	clear(row)
	at := 0
	for _, g := range s.b.sets[set] {
		rules.rules[g].or(row, uint32(s.from), s.words, k)
		if table == bare {
			continue
		}
		s.refer(row, rules.refs[g], slot, &at, k)
	}
	return row
}

// refer adds to a row what references give to members among the tile's sources.
// Tiles come in the order of their sources: for each reference of the slot a
// cursor stands at the first member that has not been passed.
func (s *sideWorker) refer(row []uint64, refs []ref, slot int, at *int, k int) {
	cursors := s.cursors[slot*s.words+k]
	for _, r := range refs {
		if *at == len(cursors) {
			cursors = append(cursors, 0)
		}
		members, c := s.b.members[r.group], cursors[*at]
		for int(c) < len(members) && int(members[c]) < s.fromEnd {
			if from := int(members[c]) - s.from; from >= 0 {
				row[from] |= s.t.masks.of(r.mask)[k]
			}
			c++
		}
		cursors[*at] = c
		*at++
	}
	s.cursors[slot*s.words+k] = cursors
}

// toRow is what an ACL lets pass by destinations of the block.
func (s *sideWorker) toRow(acl int32, dir, k int) []uint64 {
	row, make := s.aclTo.get((int(acl)*2+dir)*s.words + k)
	row = row[:s.toEnd-s.to]
	if make {
		clear(row)
		s.b.acl[acl][dir].or(row, uint32(s.to), s.words, k)
	}
	return row
}

// fromRow is what an ACL lets pass by sources of the tile.
func (s *sideWorker) fromRow(acl int32, dir, k int) []uint64 {
	row, make := s.aclFrom.get((int(acl)*2+dir)*s.words + k)
	row = row[:s.fromEnd-s.from]
	if make {
		clear(row)
		s.b.acl[acl][dir].or(row, uint32(s.from), s.words, k)
	}
	return row
}

// strips computes the pairs of one cell of sources with all destinations.
func (s *sideWorker) strips(p *Planes, from cellRun, to []cellRun, plans []*plan) {
	for len(s.cuts) < len(to) {
		s.cuts = append(s.cuts, cut{})
	}
	for k := range s.words {
		needs := [2]bool{}
		for i, r := range to {
			s.cut(&s.cuts[i], from, r, plans[i], k)
			if s.cuts[i].skip {
				s.nothing(p, from, r, k)
			} else {
				needs[s.cuts[i].refsOut] = true
			}
		}
		if !needs[bare] && !needs[full] {
			continue
		}
		for lo := from.lo; lo < from.hi; lo += strip {
			hi := min(lo+strip, from.hi)
			for table, need := range needs {
				if need {
					s.egress(table, lo, hi, k)
				}
			}
			for i, r := range to {
				if !s.cuts[i].skip {
					s.rectangle(p, &s.cuts[i], lo, hi, r, k)
				}
			}
		}
	}
}

// egress lays out what the rules of a strip of sources allow to the block's
// destinations.
func (s *sideWorker) egress(table, lo, hi, k int) {
	n := s.toEnd - s.to
	groups := len(s.b.dir[egress].rules)
	out := s.out[table][k*groups*tileTo:]
	to := s.strip[table]
	for v := lo; v < hi; v++ {
		col := to[v-lo:]
		set := s.b.setOf[v]
		if set < 0 {
			m := uint64(0)
			if set == unfiltered {
				m = ^uint64(0)
			}
			for d := range n {
				col[d*strip] = m
			}
			continue
		}
		switch gs := s.b.sets[set]; len(gs) {
		case 1:
			a := out[int(gs[0])*tileTo:][:n]
			for d, m := range a {
				col[d*strip] = m
			}
		case 2:
			a := out[int(gs[0])*tileTo:][:n]
			b := out[int(gs[1])*tileTo:][:n]
			for d, m := range a {
				col[d*strip] = m | b[d]
			}
		default:
			for d := range n {
				m := uint64(0)
				for _, g := range gs {
					m |= out[int(g)*tileTo+d]
				}
				col[d*strip] = m
			}
		}
	}
}

// nothing clears the pairs of two cells.
func (s *sideWorker) nothing(p *Planes, from, to cellRun, k int) {
	for d := to.lo; d < to.hi; d++ {
		at := (k*tileTo+d-s.to)*tileFrom - s.from
		clear(p.forward[at+from.lo : at+from.hi])
		clear(p.reply[at+from.lo : at+from.hi])
	}
}

// rectangle computes the pairs of a strip with one cell of destinations.
func (s *sideWorker) rectangle(p *Planes, c *cut, lo, hi int, to cellRun, k int) {
	for d := to.lo; d < to.hi; d++ {
		at := (k*tileTo+d-s.to)*tileFrom + lo - s.from
		forward := p.forward[at : at+hi-lo]
		reply := p.reply[at : at+hi-lo]
		s.replies(reply, c, lo, d-to.lo)
		m := c.to[d-to.lo]
		if m == 0 {
			clear(forward)
			continue
		}
		out := s.strip[c.refsOut][(d-s.to)*strip:][:len(forward)]
		in := s.inRow(c.refsIn, s.slot[d-s.to], k)[lo-s.from:][:len(forward)]
		from := c.from[lo-c.start:][:len(forward)]
		for i := range forward {
			forward[i] = out[i] & in[i] & from[i] & m
		}
	}
}

// replies computes what comes back from one destination. It does so even where
// no request of this word arrives: client ports have words of their own.
func (s *sideWorker) replies(reply []uint64, c *cut, lo, to int) {
	m := c.toBack[to]
	back := c.back[lo-c.start:][:len(reply)]
	for i := range reply {
		reply[i] = back[i] & m
	}
}
