// Package parse reads what a person points postern at and makes networks of it.
//
// The plan, in order:
//
//  1. Every PATH is made absolute and its links are resolved. It belongs to a
//     tree: the git work tree that holds it, else the common parent of the
//     paths without one. A tree is opened as an os.Root, so nothing outside it
//     can be read, whatever a link, a module source or file() says.
//  2. A directory is walked. It yields Terraform modules (directories with
//     configuration files) and documents (JSON files, told apart by content).
//  3. A module that no other module of the tree calls is a root. Each root is
//     evaluated on its own, in parallel, and becomes one network.
//  4. All AWS exports and all Terraform states of one run become one network
//     together; each plan becomes one of its own.
//
// What is wrong with the input is a diagnostic and never stops the rest. Load
// fails only when the question itself makes no sense: a PATH that does not
// exist, or one outside the boundary.
package parse

import (
	"context"
	"io"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Options say what to read and what values to assume.
type Options struct {
	// Boundary is the directory outside of which nothing is read; "" means
	// the git work tree of each PATH, else the common parent of the PATHs.
	Boundary string
	// With are paths that lend facts and are not checked themselves: the
	// outputs of roots, states and plans answer terraform_remote_state (NAME=PATH
	// says which one), objects of exports, states and plans answer data sources
	// that ask for them.
	With []string
	// Data are files that say what data sources find: see hcl.Answers.
	Data []string
	// Vars are values of root variables, each NAME=VALUE, as -var takes them.
	Vars []string
	// VarFiles are .tfvars files, relative to Dir.
	VarFiles []string
	// Environ is the environment, each NAME=VALUE; only TF_VAR_ names and
	// TF_WORKSPACE are used.
	Environ []string
	// Workspace is the Terraform workspace; "" means the one that Terraform
	// would take: TF_WORKSPACE, what is selected in the root, or default.
	Workspace string
	// Source is the directory of the configuration that plans and states were
	// made from: it gives places in .tf files, and values that a plan erases.
	Source string
	// Stdin is what the PATH "-" reads.
	Stdin io.Reader
	// Changed: the paths are changed files. What is analysed are the roots
	// that they belong to; files that belong to none are passed over.
	Changed bool
	// Dir is where relative paths start and what shown names are relative to;
	// "" means the current directory.
	Dir string
}

// The kinds of inputs.
const (
	KindTerraform = "terraform"  // a configuration or variables file
	KindExport    = "aws-export" // the output of describe-* calls, or AWS Config
	KindPlan      = "plan"       // terraform show -json of a plan
	KindState     = "state"      // a state file, or terraform show -json of one
)

// Input is one file that was read.
type Input struct {
	Path   string // as the user would type it; "-" for standard input
	Kind   string // one of the Kind constants
	SHA256 string // of its bytes, in hexadecimal
}

// Result is everything that was read.
type Result struct {
	// Networks are what to analyse: one for the exports and states if there are
	// any, then one for each plan and one for each root, in the order of their
	// names.
	Networks []*ir.Network
	// Diagnostics are about the reading; what is wrong with the objects of a
	// network is in its Problems.
	Diagnostics diag.List
	Inputs      []Input // by path
	// Roots counts the Terraform root modules, libraries not among them.
	Roots int
	// Libraries counts the modules that nothing calls and that lack required
	// values. They are analysed as far as they are known.
	Libraries int
	// Sources is the text of every file that was read, by its shown name. Plans
	// and states are not among them: they hold secrets.
	Sources map[string][]byte
}

// UsageError is a question that makes no sense: a path that does not exist, or
// one outside the boundary.
type UsageError struct {
	Path    string // as given
	Message string // what is wrong with it
	Hint    string // what to do, or ""
}

func (e *UsageError) Error() string { return e.Path + ": " + e.Message }

// Load reads the paths. No path means Options.Dir, unless Options.Changed is
// set: nothing changed then. The error is a *UsageError, one of the operating
// system about the boundary itself, or context.Canceled; the Result is then
// nil. A deadline of ctx is no error: what was not read until then is reported
// as a diagnostic.
func Load(ctx context.Context, paths []string, o Options) (*Result, error) {
	l, err := newLoader(paths, o)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return l.load(ctx)
}
