package rulelist

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Analysis is what is found about one entry. Redundant is the same as Shadowed
// where that is Covered.
type Analysis struct{ Shadowed, Redundant Verdict }

// Analyse finds the verdicts about all entries, on all processors that the
// program may use. They do not depend on how many there are. last may be nil;
// otherwise several goroutines call it at once. The first error ends it.
func (x *Index) Analyse(ctx context.Context, last Exact) ([]Analysis, error) {
	out := make([]Analysis, x.Len())
	const chunk = 64
	workers := min(runtime.GOMAXPROCS(0), (x.Len()+chunk-1)/chunk)
	errs := make([]error, workers)
	var next atomic.Int64
	var failed atomic.Bool
	work := func(w int) {
		s := &search{x: x}
		for !failed.Load() {
			from := int(next.Add(chunk)) - chunk
			for i := from; i < min(from+chunk, x.Len()); i++ {
				j := judge{s: s, i: i, last: last, both: true}
				if errs[w] = j.run(ctx); errs[w] != nil {
					failed.Store(true)
					return
				}
				out[i] = Analysis{j.shadowed, j.redundant}
			}
			if from >= x.Len() {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { work(w) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
