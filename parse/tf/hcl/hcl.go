// Package hcl evaluates a Terraform module tree: from the text of its files to
// the resource instances that it describes.
package hcl

import (
	"context"
	"io/fs"

	"github.com/postern-dev/postern/parse/tf"
)

// Limits bound the work that one root may cause. A zero field means the
// default.
type Limits struct {
	FileSize  int64 // bytes of one file
	Nesting   int   // brackets and operators inside each other
	Instances int   // resource instances of a root
	Modules   int   // module instances of a root
	Depth     int   // modules inside modules
	Value     int   // elements, at any depth, of one value
	String    int   // bytes of one string
	Steps     int   // expressions evaluated for one root
}

// Files holds parsed files, shared by all roots of a run: each module directory
// is parsed once. It is safe for concurrent use.
type Files struct{}

// NewFiles reads from fsys, which is rooted at the boundary: nothing outside
// it is ever read. name maps a path in fsys to what the user would type.
func NewFiles(fsys fs.FS, name func(path string) string, limits Limits) *Files { return &Files{} }

// Sources returns the texts that were read, by shown name.
func (f *Files) Sources() map[string][]byte { return nil }

// Calls returns the directories of the local modules that a directory calls.
func (f *Files) Calls(dir string) []string { return nil }

// HasTerraform reports whether a directory holds Terraform files.
func (f *Files) HasTerraform(dir string) bool { return false }

// Options say how a root is evaluated.
type Options struct {
	Vars      map[string]string // -var NAME=TEXT, the text as typed
	VarFiles  []string          // -var-file, paths in the file system of Files
	Environ   []string          // only TF_VAR_name=... entries are read
	Workspace string            // "" means "default"
	// Schemas returns what is known about a resource type, or nil.
	Schemas func(resourceType string) *tf.Schema
	Region  string // of providers that name none
}

// Evaluate evaluates the root module in dir.
func Evaluate(ctx context.Context, f *Files, dir string, o Options) *tf.Root {
	return &tf.Root{Dir: dir}
}
