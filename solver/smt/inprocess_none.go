//go:build !z3

package smt

import "errors"

// ErrNotBuilt: this program holds no solver of its own.
var ErrNotBuilt = errors.New("smt: built without the tag z3, so there is no solver in the process")

// InProcess returns the solver that is linked into the program. The build tag
// z3 links one, by cgo; without it the error is ErrNotBuilt.
func InProcess() (Solver, error) { return nil, ErrNotBuilt }
