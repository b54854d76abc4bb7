package parse

import "context"

// load reads what was found.
func (l *loader) load(ctx context.Context) (*Result, error) {
	w, err := l.find(ctx)
	if err != nil {
		return nil, err
	}
	l.out.Roots = len(w.roots)
	l.out.Diagnostics = l.out.Diagnostics.Sort()
	return l.out, ctx.Err()
}
