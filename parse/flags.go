package parse

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/internal/nearest"
	"github.com/postern-dev/postern/parse/tf"
)

// flags is what became of the values that flags give to variables. One set of
// flags serves all root modules of a run, so a name is wrong only if none of
// them declares it.
type flags struct {
	roots      int
	declared   []string
	undeclared []tf.Undeclared
}

func flagsOf(root *tf.Root) flags { return flags{1, root.Declared, root.Undeclared} }

func (f *flags) add(o flags) {
	f.roots += o.roots
	f.declared = append(f.declared, o.declared...)
	f.undeclared = append(f.undeclared, o.undeclared...)
}

// undeclared reports the values that no root takes. Terraform refuses a flag and
// warns of a value in a file.
func (l *loader) undeclared() diag.List {
	if l.flags.roots == 0 {
		return l.valuesForNobody()
	}
	declared := l.flags.declared
	slices.Sort(declared)
	declared = slices.Compact(declared)
	us := slices.Clone(l.flags.undeclared)
	slices.SortFunc(us, func(a, b tf.Undeclared) int { return cmp.Or(strings.Compare(a.Name, b.Name), a.Range.Compare(b.Range)) })
	var ds diag.List
	for _, u := range slices.Compact(us) {
		if _, ok := slices.BinarySearch(declared, u.Name); ok {
			continue
		}
		d := diag.Diagnostic{
			Error: u.Range.IsZero(), Message: "no root module here declares a variable " + u.Name, Label: "not used",
			Fix: "check the name; postern show says which variables have no value", Range: u.Range, Address: "var." + u.Name,
		}
		if d.Error {
			d.Address = "--var " + u.Name
		}
		if near := nearest.One(u.Name, declared); near != "" {
			d.Message += "; did you mean " + near + "?"
			d.Fix = "write " + near
		}
		ds = append(ds, d)
	}
	return ds
}

// valuesForNobody says that values were given and nothing was evaluated.
func (l *loader) valuesForNobody() diag.List {
	given := "--var"
	if len(l.o.Vars) == 0 {
		given = "--var-file"
	}
	if len(l.o.Vars)+len(l.o.VarFiles) == 0 || len(l.out.Networks) == 0 {
		return nil
	}
	return diag.List{{
		Message: given + " is not used: no configuration is checked here", Address: given,
		Fix: "a plan or state has the values that it was made with; name a directory to check its configuration",
	}}
}
