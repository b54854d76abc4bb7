package hcl_test

import (
	"io/fs"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

func files(fsys fs.FS) *hcl.Files {
	return hcl.NewFiles(fsys, func(p string) string { return p }, hcl.Limits{})
}

// recorder notes what is opened.
type recorder struct {
	fs.FS
	opened []string
}

func (r *recorder) Open(name string) (fs.File, error) {
	r.opened = append(r.opened, name)
	return r.FS.Open(name)
}
