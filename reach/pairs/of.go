package pairs

import "slices"

// Of returns the services whose atoms are set in a mask of the universe.
func (u *Universe) Of(mask []uint64) Services { return Services{&serviceSet{u, slices.Clone(mask)}} }
