//go:build z3

package z3

import (
	"errors"
	"sync"
	"testing"
)

func context(t *testing.T) *Context {
	t.Helper()
	x, err := NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// TestRefusals: what libz3 does not take is an error, again and again, and the
// context goes on after Release.
func TestRefusals(t *testing.T) {
	x := context(t)
	mark := x.Mark()
	for name, wrong := range map[string]func(){
		"widths":   func() { x.Eq(x.BVConst("a", 8), x.BVConst("b", 9)) },
		"sorts":    func() { x.And(x.BVConst("a", 8), x.FromBool(true)) },
		"extract":  func() { x.Extract(x.BVConst("a", 8), 9, 2) },
		"no bits":  func() { x.BVConst("a", 0) },
		"numeral":  func() { x.FromDecimal("ten", 8) },
		"no value": func() { x.Not(Value{}) },
	} {
		wrong()
		if x.Err() == nil {
			t.Errorf("%s: accepted", name)
		}
		if x.FromBool(true) != (Value{}) {
			t.Errorf("%s: values are made after a refusal", name)
		}
		x.Release(mark)
	}
	s := x.NewSolver()
	defer s.Close()
	s.Assert(x.Eq(x.BVConst("a", 8), x.FromDecimal("7", 8)))
	if sat, err := s.Check(); !sat || err != nil {
		t.Errorf("%v, %v", sat, err)
	}
	if v, err := s.Model([]Value{x.BVConst("a", 8)}); err != nil || v[0] != "7" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestClosed(t *testing.T) {
	x := context(t)
	s := x.NewSolver()
	s.Close()
	x.Close()
	x.Close()
	x.Interrupt()
	if x.BVConst("a", 8) != (Value{}) || !errors.Is(x.Err(), ErrClosed) {
		t.Error("a closed context makes values")
	}
	if _, err := s.Check(); err == nil {
		t.Error("a closed solver checks")
	}
}

// TestContexts: contexts of different goroutines share nothing.
func TestContexts(t *testing.T) {
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 20 {
				x, err := NewContext()
				if err != nil {
					t.Error(err)
					return
				}
				s := x.NewSolver()
				a := x.BVConst("a", 32)
				s.Assert(x.And(x.ULE(x.FromDecimal("9", 32), a), x.ULE(a, x.FromDecimal("9", 32))))
				if v, err := s.Check(); !v || err != nil {
					t.Error(v, err)
				}
				s.Close()
				x.Close()
			}
		}()
	}
	all.Wait()
}
