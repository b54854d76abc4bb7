// Package awsapi reads what AWS says about a network, as JSON, into the model.
//
// The plan:
//
//  1. A file is scanned into a flat list of nodes that know where they stand
//     (json.go, position.go). A file that is not JSON becomes a diagnostic that
//     says what it is instead (syntax.go, foreign.go).
//  2. Envelopes are taken off and every object that describes a part of the
//     network becomes a record (envelope.go, config.go). What is known by its
//     name only is listed in kinds.go.
//  3. Once all files are in, records of one id in one home become one object
//     (object.go, home.go), and objects become the network, what others refer
//     to first (build.go and a file a family).
//
// Nothing is dropped without a word: what is not understood is an omission, a
// reference to something that is not there is an open object named by its id.
package awsapi

import (
	"bytes"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Reader gathers files; Network makes one network of them. It is not safe for
// concurrent use.
type Reader struct {
	records   []record
	listings  []listing
	failures  []failure
	omissions []ir.Omission
	problems  diag.List         // about objects, with a rule
	reading   diag.List         // about files
	callers   map[string]string // the hint's account -> the account that made the calls
}

// record is one JSON object that describes a part of the network.
type record struct {
	list *list
	value
	hint
	// partial: it was not one element of a list but the answer to a call about
	// one object, or a part of another object. A list's element beats it.
	partial bool
	// parent is the object that a partial record was written in.
	parent value
	// of is the id of what a list of entries or routes belongs to.
	of string
}

// listing is one list that was read.
type listing struct {
	list  *list
	value value
	hint
	whole bool  // neither cut nor a part
	cut   value // what says that it goes on elsewhere
}

// failure is a file that could not be read.
type failure struct {
	list *list // nil: what it holds is not known
	hint
	file string
	at   int // its diagnostic among reading
}

// NewReader returns a reader without files.
func NewReader() *Reader { return &Reader{callers: map[string]string{}} }

// Add reads one file. The name is shown in places, and its directories and base
// name may tell the account, the Region and the id of a prefix list. The kind
// is the name of what was found: "SecurityGroups", or several joined by ", ".
//
// When ok is false the file is no AWS export and nothing was recorded, unless
// it is JSON that is broken, or one of the things that stand where an export
// should be: an error message of the AWS CLI, a table, nothing at all. Those
// are recorded as errors.
func (r *Reader) Add(name string, data []byte) (kind string, ok bool) {
	h := hintOf(name)
	if d, bad := foreign(name, data); bad {
		r.fail(d, guess(name, data), h)
		return "", false
	}
	first := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 4096)], []byte(byteOrderMark)), " \t\r\n")
	if (len(first) == 0 || first[0] != '{' && first[0] != '[') && !strings.HasSuffix(strings.ToLower(name), ".json") {
		return "", false
	}
	doc, err := parse(name, string(data))
	if err != nil {
		l := guess(name, data)
		r.fail(doc.broken(err, l, h.region), l, h)
		return "", false
	}
	e := envelope{reader: r, doc: doc}
	for v := range doc.values() {
		e.open(v, scope{hint: h, whole: true})
	}
	if !e.claimed {
		return "", false
	}
	e.commit()
	r.warnText(doc)
	return strings.Join(e.kinds, ", "), true
}

func (r *Reader) fail(d diag.Diagnostic, l *list, h hint) {
	r.failures = append(r.failures, failure{list: l, hint: h, file: d.Range.File, at: len(r.reading)})
	r.reading = append(r.reading, d)
}

// warnText notes what is odd about the text of a file that could be read.
func (r *Reader) warnText(doc *document) {
	if doc.bad >= 0 {
		r.reading = append(r.reading, diag.Diagnostic{
			Message: "this byte is not UTF-8", Label: "read as U+FFFD", Range: doc.span(doc.bad, doc.bad+1),
			Fix: "export it again with a UTF-8 locale",
		})
	}
	for i, n := range doc.dups {
		if i == 10 {
			r.reading = append(r.reading, diag.Diagnostic{Message: "more names stand twice in one object", Range: value{doc, n}.place()})
			break
		}
		v := value{doc, n}
		r.reading = append(r.reading, diag.Diagnostic{
			Message: v.text() + " stands twice in one object", Label: "the last one counts", Range: v.place(),
			Fix: "export it again; AWS never writes a name twice",
		})
	}
}

// guess finds out what a file that cannot be read was meant to be.
func guess(name string, data []byte) *list {
	for key := range topKeys(data) {
		if l, ok := listOf(key); ok {
			return l
		}
	}
	if m := cliError.FindSubmatch(data[:min(len(data), 4096)]); m != nil {
		if l := listOfOperation(string(m[2])); l != nil {
			return l
		}
	}
	return listOfFile(baseName(name))
}

// listOfOperation finds the list that DescribeSecurityGroups returns.
func listOfOperation(operation string) *list {
	for _, verb := range []string{"Describe", "List", "Get"} {
		if rest, ok := strings.CutPrefix(operation, verb); ok {
			if l, ok := listOf(rest); ok {
				return l
			}
			if rest == "Instances" {
				l, _ := listOf("Reservations")
				return l
			}
		}
	}
	return nil
}

// listOfFile finds the list that a file is named after: security-groups.json,
// ec2-describe-vpcs.json, SecurityGroups.json.
func listOfFile(base string) *list {
	name := strings.ToLower(strings.TrimSuffix(base, ".json"))
	name = strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(name)
	var best *list
	for i := range lists {
		l := &lists[i]
		if l.closes != ir.KindInvalid && strings.HasSuffix(name, strings.ToLower(l.name)) && (best == nil || len(l.name) > len(best.name)) {
			best = l
		}
	}
	return best
}
