// Package smt is the second opinion on packet sets: formulas of bit vectors
// about one header, given to a program or library that decides them.
//
// A Builder makes terms, a Formula is what has to hold, and a Solver says
// whether any header (and any value of the other variables) makes it hold; the
// Model shows which. Addresses, ports and protocols are bit vectors, a CIDR is
// the equality of the leading bits.
//
// Rules are decided first match by first match. Written as nested terms such a
// list takes a solver seconds; Define gives each step a Boolean of its own, so
// that the text holds one short line for each rule:
//
//	(assert (= d7 (ite (= ((_ extract 31 24) src) #x0a) true d6)))
//
// A Process is a solver that reads SMT-LIB 2 from its standard input: "z3 -in",
// "cvc5 --lang smt2 --incremental --produce-models". One process answers many
// queries, and ends with its context. What it writes is not trusted: Parse
// bounds it, and a model that does not fit its query is an error. With the build
// tag z3, InProcess asks libz3 without a process.
//
// A Coverage is what package rulelist asks when its own steps cannot tell
// whether some entries of a list cover another.
//
// Package smt knows headers and nothing of AWS, and nothing of the packet sets
// of package solver that it is compared with.
package smt
