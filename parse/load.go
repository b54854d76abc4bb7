package parse

import "context"

// load reads what was found.
func (l *loader) load(ctx context.Context, w *work) (*Result, error) {
	l.out.Roots = len(w.roots)
	l.out.Diagnostics = l.out.Diagnostics.Sort()
	return l.out, ctx.Err()
}
