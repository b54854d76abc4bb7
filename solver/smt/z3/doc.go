// Package z3 is a thin binding of libz3 for formulas of bit vectors. It is
// built with the tag z3 only, and needs cgo and Debian's libz3-dev; without the
// tag the package is empty. Names follow github.com/aclements/go-z3.
//
// Everything belongs to a Context, which counts a reference for each value that
// it makes and gives them all back in Release or Close. A context and what it
// made are for one goroutine at a time; only Interrupt may be called beside it.
// What libz3 refuses never ends the program: the context remembers the first
// refusal, returns no value from then on, and Err tells it.
package z3
