package pairs

// change is another list of rules for one direction of one group.
type change struct {
	group  int32
	dir    int
	lo, hi changedRules
}

type changedRules struct {
	rules steps
	refs  []ref
}

func (c *change) rules(hi bool) (*steps, []ref) {
	if hi {
		return &c.hi.rules, c.hi.refs
	}
	return &c.lo.rules, c.lo.refs
}
