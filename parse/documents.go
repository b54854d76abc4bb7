package parse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/awsapi"
)

// Bounds on the size of one document. A file that nobody pointed at is only
// looked at to see whether it is an export.
const (
	maxDocument = 1 << 30
	maxUnasked  = 64 << 20
)

// documents reads the documents of a run.
type documents struct {
	l       *loader
	reader  *awsapi.Reader
	any     bool            // the reader holds something
	beside  map[string]bool // directories that hold an export
	idle    []string        // JSON files of directories, of no use
	planned []planned       // plans and states
}

// loadDocuments reads the exports into one network, nil when there are none,
// and the plans and states.
// What is an export by its content is read first: a file that is not, and that
// nobody named, matters only if it lies among exports.
func (l *loader) loadDocuments(ctx context.Context, all []document) (exports *ir.Network, terraform []planned) {
	r := &documents{l: l, reader: awsapi.NewReader(), beside: map[string]bool{}}
	var rest []document
	for _, d := range all {
		switch {
		case ctx.Err() != nil:
			l.out.Diagnostics = append(l.out.Diagnostics, outOfTime(d.shown(), "this file was not read"))
		case !d.many:
			r.read(d)
		case !r.readExport(d):
			rest = append(rest, d)
		}
	}
	for _, d := range rest {
		if d.named || r.beside[r.place(d)] {
			r.read(d)
		}
	}
	r.reportIdle()
	if !r.any {
		return nil, r.planned
	}
	network, ds := r.reader.Network()
	l.out.Diagnostics = append(l.out.Diagnostics, ds...)
	return network, r.planned
}

// place is the directory of a document, of whatever tree.
func (r *documents) place(d document) string { return path.Dir(d.shown()) }

// readExport reads a document of a directory if it is an export.
func (r *documents) readExport(d document) bool {
	data, err := d.bytes(r.l, maxUnasked)
	if err != nil || ownAnswer(data) || !awsapi.Detect(data) || !json.Valid(data) {
		return false
	}
	if _, ok := r.reader.Add(d.shown(), data); !ok {
		return false
	}
	r.any = true
	r.beside[r.place(d)] = true
	r.l.keep(d.shown(), KindExport, data)
	return true
}

// read reads a document that ought to be of use, and says why if it is not.
func (r *documents) read(d document) {
	shown := d.shown()
	data, err := d.bytes(r.l, maxDocument)
	switch {
	case errors.Is(err, errTooLarge):
		r.l.refuse(shown, "", "the file is larger than 1 GiB", "export one Region at a time")
		return
	case err != nil:
		r.l.refuse(shown, "", "the file cannot be read: "+reason(err), "")
		return
	}
	switch kind := terraformKind(data); {
	case ownAnswer(data) && d.many:
		r.idle = append(r.idle, shown)
	case ownAnswer(data):
		r.l.refuse(shown, "", "this is an answer of postern's own, not an input", "name what was checked")
	case kind != "" && !d.named: // what Terraform left beside its configuration
	case kind != "":
		r.l.note(shown, kind, data)
		r.terraform(shown, kind, data)
	case awsapi.Detect(data), !json.Valid(data) && (!d.many || r.beside[r.place(d)]):
		r.export(d, data)
	case d.many:
		r.idle = append(r.idle, shown)
	default:
		r.l.refuse(shown, "", "this JSON is neither an AWS export nor a Terraform plan or state", "exports are what `aws ec2 describe-... --output json` prints")
	}
}

// ownAnswer recognises what postern itself printed with --format json: lying in
// a directory that is checked, it is no export.
func ownAnswer(data []byte) bool {
	head := bytes.TrimLeft(data[:min(len(data), 256)], "{ \t\r\n")
	rest, ok := bytes.CutPrefix(head, []byte(`"schema"`))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, ": \t\r\n"), []byte(`"postern/`))
}

// export hands a file to the reader of exports, which reports by itself what
// is wrong with one that is meant to be an export.
func (r *documents) export(d document, data []byte) {
	shown := d.shown()
	if _, ok := r.reader.Add(shown, data); ok {
		r.any = true
		r.l.keep(shown, KindExport, data)
		return
	}
	switch {
	case json.Valid(data) && d.many:
		r.idle = append(r.idle, shown)
	case json.Valid(data):
		r.l.refuse(shown, "", "nothing in this export concerns the network", "")
	case awsapi.Detect(data) || looksJSON(data) || strings.HasSuffix(strings.ToLower(shown), ".json"):
		r.any = true // the reader has noted what is wrong
		r.l.keep(shown, KindExport, data)
	case len(bytes.TrimSpace(data)) == 0 && d.tree == nil:
		r.l.refuse(shown, "", "standard input is empty", "look at what the command before the pipe says on standard error")
	case len(bytes.TrimSpace(data)) == 0:
		r.l.refuse(shown, "", "the file is empty", "")
	case d.tree == nil:
		r.l.refuse(shown, "", "standard input is read as JSON: a plan, a state or an export; this is none of them", "name the directory of a configuration as an argument")
	default:
		r.l.refuse(shown, "", "this is neither JSON nor Terraform", "name a directory of Terraform, a plan, a state or an AWS export")
	}
}

// looksJSON reports whether a text starts as JSON documents do.
func looksJSON(data []byte) bool {
	data = bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 4096)], []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// terraformKind recognises plans and states by the names that every version
// of them has.
func terraformKind(data []byte) string {
	if !looksJSON(data) {
		return ""
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &top) != nil {
		return brokenKind(data)
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { _, ok := top[name]; return !ok })
	}
	switch {
	case has("format_version", "values"), has("version", "terraform_version", "resources"), has("version", "terraform_version", "modules"):
		return KindState
	case has("format_version") && (has("planned_values") || has("resource_changes") || has("configuration")):
		return KindPlan
	case has("resource_changes"), has("planned_values"):
		return KindPlan
	}
	return ""
}

// planMark and stateMark are names near the beginning of plans and states.
var (
	planMark  = regexp.MustCompile(`"(format_version|planned_values|resource_changes|prior_state)"\s*:`)
	stateMark = regexp.MustCompile(`"terraform_version"\s*:`)
)

// brokenKind recognises a plan or a state that is no JSON, as when the disk was
// full or two programs wrote it.
func brokenKind(data []byte) string {
	head := data[:min(len(data), 4096)]
	switch {
	case planMark.Match(head):
		return KindPlan
	case stateMark.Match(head):
		return KindState
	}
	return ""
}

// refuse reports a file that cannot be used.
func (l *loader) refuse(shown, rule, message, fix string) {
	at := diag.Range{File: shown}
	l.out.Diagnostics = append(l.out.Diagnostics, diag.Diagnostic{
		Rule: rule, Error: true, Message: message, Fix: fix, Address: shown, Range: at,
		Cause: diag.Cause{Code: diag.NotModelled, Message: message, Address: shown, Range: at},
	})
}

// reportIdle says in one line which JSON files of a directory were of no use.
func (r *documents) reportIdle() {
	if len(r.idle) == 0 {
		return
	}
	names := r.idle[:min(len(r.idle), 3)]
	message := "no AWS export: " + strings.Join(names, ", ")
	if more := len(r.idle) - len(names); more > 0 {
		message += fmt.Sprintf(" and %d more JSON files", more)
	}
	r.l.out.Diagnostics = append(r.l.out.Diagnostics, diag.Diagnostic{
		Message: message, Note: "left out", Address: names[0], Range: diag.Range{File: names[0]},
	})
}

// errTooLarge is the answer to a file beyond its bound.
var errTooLarge = errors.New("too large")

// bytes reads a document of at most limit bytes.
func (d document) bytes(l *loader, limit int64) ([]byte, error) {
	var in io.Reader = l.o.Stdin
	if d.tree != nil {
		info, err := fs.Stat(d.tree.fsys, d.name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, errors.New("it is not a regular file")
		}
		f, err := d.tree.fsys.Open(d.name)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it was only read from
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}
