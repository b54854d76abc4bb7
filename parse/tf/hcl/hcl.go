// Package hcl evaluates a Terraform module tree: from the text of its files to
// the resource instances that it describes.
//
// The configuration of a directory is decoded once, without evaluating
// anything, and shared by all roots that use it. A root is then a graph of
// terms: the variables, locals, outputs, expansions (count, for_each) and
// resource attributes of every module instance. A term is evaluated when
// another one asks for it, once, and its value kept; a term that asks for
// itself on the way is a cycle, which is reported with its members.
//
// What is not known is kept, never dropped: an unknown value carries marks that
// say why (see package tf) and a term that names it. A reference keeps the term
// of what it refers to, a path into an unknown extends it, any operation gives
// its unknown result a new one. So equal terms are equal values, and what is
// not surely equal has different terms.
//
// Every input is bounded: the nesting of files, the number of instances, the
// size of values, the steps of one root. What lies beyond is unknown, with code
// limit.
package hcl

import (
	"cmp"

	"github.com/postern-dev/postern/parse/tf"
)

// Limits bound the work that one root may cause. A zero field means the
// default.
type Limits struct {
	FileSize  int64 // bytes of one file
	Nesting   int   // brackets and operators inside each other
	Instances int   // resource instances of a root
	Modules   int   // module instances of a root
	Depth     int   // nested expressions and terms, all that wait for each other together
	Value     int   // elements, at any depth, of one value
	String    int   // bytes of all strings of one value
	Steps     int   // work done for one root; some ten million are a second
}

func (l Limits) orDefault() Limits {
	return Limits{
		FileSize:  cmp.Or(l.FileSize, 4<<20),
		Nesting:   cmp.Or(l.Nesting, 500),
		Instances: cmp.Or(l.Instances, 20_000),
		Modules:   cmp.Or(l.Modules, 5_000),
		Depth:     cmp.Or(l.Depth, 30_000),
		Value:     cmp.Or(l.Value, 200_000),
		String:    cmp.Or(l.String, 8<<20),
		Steps:     cmp.Or(l.Steps, 20_000_000),
	}
}

// Options say how a root is evaluated.
type Options struct {
	Vars      map[string]string // -var NAME=TEXT, the text as typed
	VarFiles  []string          // -var-file, paths in the file system of Files
	Environ   []string          // only TF_VAR_name=... and TF_WORKSPACE=... are read
	Workspace string            // "" means the one that Terraform would take
	// assumed is the workspace to take when nobody chose one; "" means default.
	assumed string
	// computed are the directories of modules whose source is computed, as far as
	// an evaluation before has come to them.
	computed []string
	// Schemas returns what is known about a resource type, or nil.
	Schemas func(resourceType string) *tf.Schema
	Region  string // of providers that name none
	// Data returns what is known of a type of data source in a Region without
	// asking AWS, or nil.
	Data func(dataType, region string) *tf.Schema
	// Question writes what a data source asks, so that equal questions find the
	// same; "" when that is not sure.
	Question func(*tf.Instance) string
	// Answers says what the data sources among the instances of a root find, by
	// their addresses. It is asked again as long as its answers tell more.
	Answers func([]*tf.Instance) map[string]*tf.Answer
}

// maxRounds bounds how often a root is evaluated because answers lead to
// further ones.
const maxRounds = 6
