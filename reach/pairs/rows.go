package pairs

// rows are rows of words that are made when they are first asked for.
type rows struct {
	width int
	row   [][]uint64
	stamp []int
	now   int
}

func newRows(n, width int) rows {
	return rows{width: width, row: make([][]uint64, n), stamp: make([]int, n)}
}

// get returns a row, and whether it has to be made.
func (r *rows) get(k int) ([]uint64, bool) {
	if r.stamp[k] == r.now {
		return r.row[k], false
	}
	r.stamp[k] = r.now
	if r.row[k] == nil {
		r.row[k] = make([]uint64, r.width)
	}
	return r.row[k], true
}
