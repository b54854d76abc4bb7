package hcl_test

import (
	"io/fs"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

func files(fsys fs.FS) *hcl.Files {
	return hcl.NewFiles(fsys, func(p string) string { return p }, hcl.Limits{})
}
