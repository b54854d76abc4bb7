// Goals reads the output of `go test -bench`, passes it on, and ends with a
// table of the project's performance goals: which are reached, which are
// missed, and which no benchmark measures yet.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// goal is one line of the table: a benchmark and the most that it may cost.
type goal struct {
	id, text string
	// benchmark is "package.BenchmarkName", the package within the module; ""
	// while there is none.
	benchmark string
	limit     time.Duration // an operation
	noAllocs  bool
}

var goals = [...]goal{
	{"P1", "shadowed and redundant rules of a 10,000-rule five-field list", "", 50 * time.Millisecond, false},
	{"P2", "a network ACL of 40 entries", "solver.BenchmarkNACL40Again", 20 * time.Microsecond, false},
	{"P2", "the 1,000 group rules of an interface", "solver.BenchmarkGroup1000", time.Millisecond, false},
	{"P2", "a Region: 2,500 groups of 120 rules", "", 100 * time.Millisecond, false},
	{"P3", "all pairs of 10,000 interfaces with 1,000,000 rules, both ways", "", time.Second, false},
	{"P4", "checking again after one changed rule", "", 50 * time.Microsecond, false},
	{"P5", "the difference of two lists of 10,000 rules", "", 50 * time.Millisecond, false},
	{"P6", "one packet against 1,000 AWS rules", "", 20 * time.Nanosecond, true},
	{"P6", "one packet against 10,000 five-field rules", "", 100 * time.Nanosecond, true},
	{"P6", "one packet from interface to interface, both ways", "", 100 * time.Nanosecond, true},
	{"P8", "a witness", "", time.Microsecond, false},
}

// result is what a benchmark cost for each operation; the best of several runs.
type result struct {
	time   time.Duration
	nanos  float64
	allocs int
}

func main() {
	results, err := read(os.Stdin, os.Stdout)
	if err == nil {
		err = table(os.Stdout, goals[:], results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "goals:", err)
		os.Exit(1)
	}
}

// read passes the lines on and collects the results by package and name. A run
// that failed is an error: half a table would look like a whole one.
func read(in io.Reader, out io.Writer) (map[string]result, error) {
	results := map[string]result{}
	pkg, failed := "", false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if _, err := fmt.Fprintln(out, line); err != nil {
			return nil, err
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "pkg:":
			pkg = strings.TrimPrefix(fields[1], "github.com/postern-dev/postern/")
		case fields[0] == "FAIL":
			failed = true
		case strings.HasPrefix(fields[0], "Benchmark"):
			add(results, pkg, fields)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if failed {
		return nil, fmt.Errorf("a benchmark failed")
	}
	return results, nil
}

// add notes one line: name, count, then pairs of value and unit.
func add(results map[string]result, pkg string, fields []string) {
	name := fields[0]
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	r := result{allocs: -1}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return
		}
		switch fields[i+1] {
		case "ns/op":
			r.nanos, r.time = v, time.Duration(v)
		case "allocs/op":
			r.allocs = int(v)
		}
	}
	key := pkg + "." + name
	if old, ok := results[key]; !ok || r.nanos < old.nanos {
		results[key] = r
	}
}

// table prints the goals with what was measured.
func table(out io.Writer, goals []goal, results map[string]result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ngoal\twhat\tat most\tmeasured\t")
	for _, g := range goals {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", g.id, g.text, g.limit, verdict(g, results))
	}
	return w.Flush()
}

func verdict(g goal, results map[string]result) string {
	r, ok := results[g.benchmark]
	switch {
	case !ok:
		return "-\tnot measured"
	case r.nanos > float64(g.limit):
		return fmt.Sprintf("%s\tmissed, %.1f times as long", short(r), r.nanos/float64(g.limit))
	case g.noAllocs && r.allocs != 0:
		return fmt.Sprintf("%s\tmissed, %d allocations where none are wanted", short(r), r.allocs)
	}
	return short(r) + "\treached"
}

// short rounds to three digits; below a microsecond it keeps fractions.
func short(r result) string {
	if r.nanos < 1000 {
		return fmt.Sprintf("%.3gns", r.nanos)
	}
	unit := time.Nanosecond
	for unit*1000 <= r.time {
		unit *= 10
	}
	return r.time.Round(unit).String()
}
