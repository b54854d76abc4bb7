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
// otherwise several goroutines call it at once. The error is that of ctx.
//
// Pieces that lie in one before them are found first. They cover nothing that
// is not covered without them, and need not be looked at again but for one
// question: whether the entry that holds them could be left out. In long lists
// they are many, and those that meet much are among them.
func (x *Index) Analyse(ctx context.Context, last Exact) ([]Analysis, error) {
	holders, all := make([]int32, len(x.pieces)), x.lookups()
	err := inParallel(len(x.pieces), func() func(k int) error {
		return func(k int) error {
			holders[k] = int32(all.container(&x.pieces[k], int(x.start[x.of[k]])))
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	in, hidden := x.unheld(holders)
	out := make([]Analysis, x.Len())
	err = inParallel(x.Len(), func() func(i int) error {
		s := newSearch(x)
		s.in, s.hidden, s.holders = in, hidden, holders
		return func(i int) error {
			j := judge{s: s, i: i, last: last, both: true}
			err := j.run(ctx)
			out[i] = Analysis{j.shadowed, j.redundant}
			return err
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// unheld returns the pieces that none holds, and the others by the entry that
// holds them.
func (x *Index) unheld(holders []int32) (in *table, hidden [][]int32) {
	in = &table{}
	hidden = make([][]int32, x.Len())
	for i := range x.Len() {
		in.start = append(in.start, int32(len(in.pieces)))
		for k := x.start[i]; k < x.start[i+1]; k++ {
			if h := holders[k]; h >= 0 {
				hidden[x.of[h]] = append(hidden[x.of[h]], k)
				continue
			}
			in.pieces = append(in.pieces, x.pieces[k])
			in.of, in.sure = append(in.of, int32(i)), append(in.sure, x.sure[k])
		}
	}
	in.start = append(in.start, int32(len(in.pieces)))
	eachField(len(in.pieces), func(f int) { in.addRows(f, x.axes[f].ranks()) })
	return in, hidden
}

// inParallel does something for all numbers below n, in some order, on several
// goroutines: each makes a function of its own for that. The first error ends
// it.
func inParallel(n int, worker func() func(i int) error) error {
	const chunk = 64
	workers := min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk)
	errs := make([]error, workers)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			do := worker()
			for !failed.Load() {
				from := int(next.Add(chunk)) - chunk
				for i := from; i < min(from+chunk, n); i++ {
					if errs[w] = do(i); errs[w] != nil {
						failed.Store(true)
						return
					}
				}
				if from >= n {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
