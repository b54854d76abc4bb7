package pairs

import (
	"encoding/binary"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// carrier is what the groups of an interface come to.
type carrier struct {
	number int32    // equal carriers have one
	sets   [2]int32 // what surely, and what possibly, lets pass: a set of groups, noGroups or unfiltered
	member [2][]int32
	may    []int32 // the groups that it may carry
	wild   bool    // it may be a member of any
}

// carried finds the sets of groups that interfaces carry, and the groups that
// they are members of as rules see it.
func (c *compiler) carried() {
	c.nameReferenced()
	referred, terms := c.referred()
	c.carriers = map[*ir.Interface]*carrier{}
	known := map[string]*carrier{}
	sets := map[string]int32{}
	var all [][]int32
	number := func(set []int32) int32 {
		key := bytesOf(set)
		id, ok := sets[key]
		if !ok {
			id = int32(len(all))
			sets[key] = id
			all = append(all, set)
		}
		return id
	}
	for k := range c.t.Vertices {
		i := c.t.Vertices[k].Interface
		if c.carriers[i] != nil {
			continue
		}
		sure, may, open := c.groupsOf(i)
		key := bytesOf(sure) + "|" + bytesOf(may)
		if i.Groups.Open != nil {
			key += "|open"
		}
		x := known[key]
		if x == nil {
			x = &carrier{number: int32(len(known)), may: may}
			known[key] = x
			x.sets[0], x.sets[1] = number(sure), number(may)
			if len(may) == 0 && i.Groups.Open == nil {
				x.sets = [2]int32{unfiltered, unfiltered}
			} else if open {
				x.sets[1] = unfiltered
			}
			x.wild = i.Groups.Open != nil || slices.ContainsFunc(may, func(g int32) bool { return c.all[g].Term != nil })
			x.member[0], x.member[1] = c.memberships(x.wild, sure, may, referred, terms)
		}
		c.carriers[i] = x
	}
	c.t.lo.sets, c.t.hi.sets = all, all
}

// nameReferenced numbers the groups that rules refer to and nothing carries or
// lists.
func (c *compiler) nameReferenced() {
	for d := range c.rules {
		for k := range c.rules[d] {
			for _, r := range c.rules[d][k].refs {
				if _, ok := c.t.groups[r.group]; !ok {
					c.t.groups[r.group] = int32(len(c.all))
					c.all = append(c.all, r.group)
				}
			}
		}
	}
	for d := range c.rules {
		c.rules[d] = append(c.rules[d], make([]ruleParts, len(c.all)-len(c.rules[d]))...)
	}
	for len(c.by) < len(c.all) {
		c.by = append(c.by, 0)
		for d := range c.t.any {
			c.t.any[d] = append(c.t.any[d], c.t.Universe.empty())
		}
	}
}

// referred lists which groups rules refer to, and those of them that are only
// known by a term.
func (c *compiler) referred() (is []bool, terms []int32) {
	is = make([]bool, len(c.all))
	for d := range c.rules {
		for k := range c.rules[d] {
			for _, r := range c.rules[d][k].refs {
				is[c.t.groups[r.group]] = true
			}
		}
	}
	for k, g := range c.all {
		if is[k] && g.Term != nil {
			terms = append(terms, int32(k))
		}
	}
	return is, terms
}

// groupsOf returns the groups that an interface surely carries, and those that
// it may carry, in order; open reports that others may let anything pass.
func (c *compiler) groupsOf(i *ir.Interface) (sure, may []int32, open bool) {
	open = i.Groups.Open != nil
	for _, g := range i.Groups.Sure {
		sure = append(sure, c.t.groups[g])
		open = open || g.Open != nil
	}
	may = slices.Clone(sure)
	for _, g := range i.Groups.Maybe {
		may = append(may, c.t.groups[g.V])
		open = open || g.V.Open != nil
	}
	slices.Sort(sure)
	slices.Sort(may)
	return slices.Compact(sure), slices.Compact(may), open
}

// memberships returns the groups of which an interface surely, and possibly, is
// a member, given those that it carries. A group of which only a term is known may be any other; equal terms
// are one group.
func (c *compiler) memberships(wild bool, sure, may []int32, referred []bool, terms []int32) (lo, hi []int32) {
	for _, g := range may {
		if referred[g] {
			hi = append(hi, g)
		}
	}
	for _, g := range sure {
		if referred[g] {
			lo = append(lo, g)
		}
		if t := c.all[g].Term; t != nil && t.Term != "" {
			for _, o := range terms {
				if c.all[o].Term.Term == t.Term && o != g {
					lo = append(lo, o)
				}
			}
		}
	}
	switch {
	case wild:
		hi = nil
		for g, is := range referred {
			if is {
				hi = append(hi, int32(g))
			}
		}
	case len(may) > 0:
		hi = append(hi, terms...)
	}
	slices.Sort(lo)
	slices.Sort(hi)
	return slices.Compact(lo), slices.Compact(hi)
}

func bytesOf(ids []int32) string {
	b := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return string(b)
}
