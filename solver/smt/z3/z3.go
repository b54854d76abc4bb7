//go:build z3

package z3

/*
#cgo LDFLAGS: -lz3
#include <stdlib.h>
#include <z3.h>

// Without a handler libz3 ends the process at the first error.
static void quiet(Z3_context c, Z3_error_code e) { (void)c; (void)e; }

static Z3_context new_context(void) {
	Z3_config config = Z3_mk_config();
	Z3_set_param_value(config, "model", "true");
	Z3_context c = Z3_mk_context_rc(config);
	Z3_del_config(config);
	if (c) Z3_set_error_handler(c, quiet);
	return c;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// ErrClosed: the context is closed.
var ErrClosed = errors.New("z3: the context is closed")

// Context owns values and solvers.
type Context struct {
	c     C.Z3_context
	held  []C.Z3_ast
	err   error
	guard sync.Mutex // keeps Interrupt away from Close
}

// Value is a Boolean or a bit vector. The zero Value is none.
type Value struct{ ast C.Z3_ast }

// NewContext makes a context; it must be closed.
func NewContext() (*Context, error) {
	c := C.new_context()
	if c == nil {
		return nil, errors.New("z3: no context")
	}
	return &Context{c: c}, nil
}

// Err returns the first refusal.
func (x *Context) Err() error { return x.err }

// Close gives everything back.
func (x *Context) Close() {
	x.guard.Lock()
	defer x.guard.Unlock()
	if x.c == nil {
		return
	}
	x.Release(0)
	C.Z3_del_context(x.c)
	x.c, x.err = nil, ErrClosed
}

// Interrupt stops a Check that runs, from any goroutine.
func (x *Context) Interrupt() {
	x.guard.Lock()
	defer x.guard.Unlock()
	if x.c != nil {
		C.Z3_interrupt(x.c)
	}
}

// Mark is what Release goes back to.
func (x *Context) Mark() int { return len(x.held) }

// Release gives back the values that were made since a mark, and forgets what
// libz3 refused since.
func (x *Context) Release(mark int) {
	for _, a := range x.held[mark:] {
		C.Z3_dec_ref(x.c, a)
	}
	x.held = x.held[:mark]
	if !errors.Is(x.err, ErrClosed) {
		x.err = nil
	}
}

// refused notes the error of the last call, and reports whether there is one.
func (x *Context) refused() bool {
	if x.err != nil {
		return true
	}
	code := C.Z3_get_error_code(x.c)
	if code == C.Z3_OK {
		return false
	}
	x.err = fmt.Errorf("z3: %s", C.GoString(C.Z3_get_error_msg(x.c, code)))
	return true
}

// keep takes the reference of a value.
func (x *Context) keep(a C.Z3_ast) Value {
	if x.refused() || a == nil {
		return Value{}
	}
	C.Z3_inc_ref(x.c, a)
	x.held = append(x.held, a)
	return Value{a}
}

// usable reports whether a call can be made with the values.
func (x *Context) usable(vs ...Value) bool {
	if x.err != nil {
		return false
	}
	for _, v := range vs {
		if v.ast == nil {
			x.err = errors.New("z3: a value that is none")
			return false
		}
	}
	return true
}

func (x *Context) symbol(name string) C.Z3_symbol {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	return C.Z3_mk_string_symbol(x.c, s)
}

// BoolConst is a Boolean variable.
func (x *Context) BoolConst(name string) Value {
	if !x.usable() {
		return Value{}
	}
	return x.keep(C.Z3_mk_const(x.c, x.symbol(name), C.Z3_mk_bool_sort(x.c)))
}

// BVConst is a bit-vector variable.
func (x *Context) BVConst(name string, bits int) Value {
	if !x.usable() {
		return Value{}
	}
	sort := C.Z3_mk_bv_sort(x.c, C.uint(bits))
	if x.refused() {
		return Value{}
	}
	return x.keep(C.Z3_mk_const(x.c, x.symbol(name), sort))
}

// FromBool is a Boolean.
func (x *Context) FromBool(v bool) Value {
	switch {
	case !x.usable():
		return Value{}
	case v:
		return x.keep(C.Z3_mk_true(x.c))
	}
	return x.keep(C.Z3_mk_false(x.c))
}

// FromDecimal is a number of a width, written in decimal digits.
func (x *Context) FromDecimal(digits string, bits int) Value {
	if !x.usable() {
		return Value{}
	}
	sort := C.Z3_mk_bv_sort(x.c, C.uint(bits))
	if x.refused() {
		return Value{}
	}
	s := C.CString(digits)
	defer C.free(unsafe.Pointer(s))
	return x.keep(C.Z3_mk_numeral(x.c, s, sort))
}

func (x *Context) list(vs []Value) *C.Z3_ast {
	if len(vs) == 0 {
		return nil
	}
	asts := make([]C.Z3_ast, len(vs))
	for k, v := range vs {
		asts[k] = v.ast
	}
	return &asts[0]
}

// And is true where all are.
func (x *Context) And(vs ...Value) Value {
	if !x.usable(vs...) {
		return Value{}
	}
	return x.keep(C.Z3_mk_and(x.c, C.uint(len(vs)), x.list(vs)))
}

// Or is true where any is.
func (x *Context) Or(vs ...Value) Value {
	if !x.usable(vs...) {
		return Value{}
	}
	return x.keep(C.Z3_mk_or(x.c, C.uint(len(vs)), x.list(vs)))
}

// Not is true where v is not.
func (x *Context) Not(v Value) Value {
	if !x.usable(v) {
		return Value{}
	}
	return x.keep(C.Z3_mk_not(x.c, v.ast))
}

// Eq is true where two values of one sort are equal.
func (x *Context) Eq(v, w Value) Value {
	if !x.usable(v, w) {
		return Value{}
	}
	return x.keep(C.Z3_mk_eq(x.c, v.ast, w.ast))
}

// IfThenElse is yes where p is true and no elsewhere.
func (x *Context) IfThenElse(p, yes, no Value) Value {
	if !x.usable(p, yes, no) {
		return Value{}
	}
	return x.keep(C.Z3_mk_ite(x.c, p.ast, yes.ast, no.ast))
}

// ULE is true where v is at most w, as unsigned numbers.
func (x *Context) ULE(v, w Value) Value {
	if !x.usable(v, w) {
		return Value{}
	}
	return x.keep(C.Z3_mk_bvule(x.c, v.ast, w.ast))
}

// Extract is the bits high to low.
func (x *Context) Extract(v Value, high, low int) Value {
	if !x.usable(v) {
		return Value{}
	}
	return x.keep(C.Z3_mk_extract(x.c, C.uint(high), C.uint(low), v.ast))
}

// Concat puts the bits of two vectors in a row.
func (x *Context) Concat(high, low Value) Value {
	if !x.usable(high, low) {
		return Value{}
	}
	return x.keep(C.Z3_mk_concat(x.c, high.ast, low.ast))
}

// Solver decides whether assertions can hold together.
type Solver struct {
	x *Context
	s C.Z3_solver
}

// NewSolver makes a solver for bit vectors; it must be closed before its
// context is.
func (x *Context) NewSolver() *Solver {
	if !x.usable() {
		return &Solver{x: x}
	}
	s := C.Z3_mk_solver_for_logic(x.c, x.symbol("QF_BV"))
	if x.refused() || s == nil {
		return &Solver{x: x}
	}
	C.Z3_solver_inc_ref(x.c, s)
	return &Solver{x, s}
}

// Close gives the solver back.
func (s *Solver) Close() {
	if s.s != nil && s.x.c != nil {
		C.Z3_solver_dec_ref(s.x.c, s.s)
	}
	s.s = nil
}

// Assert adds what must hold.
func (s *Solver) Assert(v Value) {
	if s.s != nil && s.x.usable(v) {
		C.Z3_solver_assert(s.x.c, s.s, v.ast)
		s.x.refused()
	}
}

// ErrUndecided: libz3 gave up, or was interrupted.
var ErrUndecided = errors.New("z3: undecided")

// Check reports whether the assertions can hold together.
func (s *Solver) Check() (sat bool, err error) {
	if s.s == nil || s.x.err != nil {
		return false, errors.Join(s.x.err, errors.New("z3: nothing was checked"))
	}
	r := C.Z3_solver_check(s.x.c, s.s)
	if s.x.refused() {
		return false, s.x.err
	}
	switch r {
	case C.Z3_L_TRUE:
		return true, nil
	case C.Z3_L_FALSE:
		return false, nil
	}
	return false, ErrUndecided
}

// Model returns the numerals that the last Check found for values, in decimal
// digits; "1" and "0" for Booleans.
func (s *Solver) Model(vs []Value) ([]string, error) {
	if s.s == nil || !s.x.usable(vs...) {
		return nil, errors.Join(s.x.err, errors.New("z3: no model"))
	}
	m := C.Z3_solver_get_model(s.x.c, s.s)
	if s.x.refused() || m == nil {
		return nil, errors.Join(s.x.err, errors.New("z3: no model"))
	}
	C.Z3_model_inc_ref(s.x.c, m)
	defer C.Z3_model_dec_ref(s.x.c, m)
	texts := make([]string, len(vs))
	for k, v := range vs {
		var out C.Z3_ast
		if !bool(C.Z3_model_eval(s.x.c, m, v.ast, true, &out)) || s.x.refused() {
			return nil, errors.Join(s.x.err, errors.New("z3: no value"))
		}
		s.x.keep(out)
		switch {
		case C.Z3_get_bool_value(s.x.c, out) == C.Z3_L_TRUE:
			texts[k] = "1"
		case C.Z3_get_bool_value(s.x.c, out) == C.Z3_L_FALSE:
			texts[k] = "0"
		case bool(C.Z3_is_numeral_ast(s.x.c, out)):
			texts[k] = C.GoString(C.Z3_get_numeral_string(s.x.c, out))
		}
		if s.x.refused() {
			return nil, s.x.err
		}
	}
	return texts, nil
}
