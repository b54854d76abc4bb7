// Goals reads the output of `go test -bench`, passes it on, and ends with a
// table of the project's performance goals: which are reached, which are
// missed, and which no benchmark measures yet. Beside each stands how many
// times longer the plain way takes, measured in the same run.
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
	limit     float64
	// unit is one of the benchmark's line: ns/op, worst-ns, B/op, B/list, peak-B,
	// allocs/op. Of one that ends in /this, how many times longer something
	// else takes, the limit is the least.
	unit string
}

const (
	micro  = 1e3 // in nanoseconds
	milli  = 1e6
	second = 1e9
	mega   = 1e6 // in bytes
)

var goals = [...]goal{
	{"P1", "shadowed and redundant rules of a 10,000-rule five-field list, median of seeds", "solver/rulelist.BenchmarkAnalyseACL10k", 50 * milli, "ns/op"},
	{"P1", "the same, slowest seed", "solver/rulelist.BenchmarkAnalyseACL10k", 250 * milli, "worst-ns"},
	{"P1", "the same, all memory that is allocated", "solver/rulelist.BenchmarkAnalyseACL10k", 200 * mega, "B/list"},
	{"P1", "the same with 30 % wildcard addresses, median of seeds", "solver/rulelist.BenchmarkAnalyseFW10k", 50 * milli, "ns/op"},
	{"P1", "the same, slowest seed", "solver/rulelist.BenchmarkAnalyseFW10k", 250 * milli, "worst-ns"},
	{"P1", "the same, all memory that is allocated", "solver/rulelist.BenchmarkAnalyseFW10k", 200 * mega, "B/list"},
	{"P1", "2,000 adversarial five-field rules, slowest seed", "solver/rulelist.BenchmarkAnalyseAdv2k", 500 * milli, "worst-ns"},
	{"P1", "the same, all memory that is allocated", "solver/rulelist.BenchmarkAnalyseAdv2k", 200 * mega, "B/list"},
	{"P1", "1,000 rules, beside an SMT solver that finds the shadowed ones", "solver/smt.BenchmarkShadowed1k", 500, "z3/this"},
	{"P2", "a network ACL of 40 entries", "solver.BenchmarkNACL40Again", 20 * micro, "ns/op"},
	{"P2", "the same, IPv6", "solver.BenchmarkNACL40IPv6", 20 * micro, "ns/op"},
	{"P2", "the 1,000 group rules of an interface", "solver.BenchmarkGroup1000", milli, "ns/op"},
	{"P2", "the same, IPv6", "solver.BenchmarkGroup1000IPv6", milli, "ns/op"},
	{"P2", "a Region: 2,500 groups of 120 rules", "solver.BenchmarkRegion", 100 * milli, "ns/op"},
	{"P3", "all pairs of 10,000 interfaces with 1,000,000 rules, both ways", "reach/pairs.BenchmarkAllPairs", second, "ns/op"},
	{"P3", "the same, memory", "reach/pairs.BenchmarkAllPairs", 1 << 30, "peak-B"},
	{"P3", "the same with 256 atoms and classes", "reach/pairs.BenchmarkAllPairsClasses256", second, "ns/op"},
	{"P3", "100,000 interfaces in classes", "reach/pairs.BenchmarkAllPairs100kClasses", 10 * second, "ns/op"},
	{"P3", "100,000 interfaces of which no two are alike", "reach/pairs.BenchmarkAllPairs100k", 120 * second, "ns/op"},
	{"P4", "one changed rule, beyond 0.5 us a pair that it names, median", "reach/pairs.BenchmarkRecheck", 50 * micro, "p50-beyond-ns"},
	{"P4", "the same, 99 of 100", "reach/pairs.BenchmarkRecheck", 50 * micro, "p99-beyond-ns"},
	{"P5", "the difference of two lists of 10,000 rules, 1 % changed", "solver/rulelist.BenchmarkCompareACL10k", 50 * milli, "ns/op"},
	{"P6", "one packet against 40 AWS rules", "solver/rulelist.BenchmarkClassifyNACL40", 20, "ns/op"},
	{"P6", "one packet against 1,000 AWS rules", "solver/rulelist.BenchmarkClassifyAWS1000", 20, "ns/op"},
	{"P6", "the same, allocations", "solver/rulelist.BenchmarkClassifyAWS1000", 0, "allocs/op"},
	{"P6", "one packet against 10,000 five-field rules", "solver/rulelist.BenchmarkClassifyACL10k", 100, "ns/op"},
	{"P6", "the same, allocations", "solver/rulelist.BenchmarkClassifyACL10k", 0, "allocs/op"},
	{"P6", "one packet from interface to interface, both ways", "eval.BenchmarkAnswer", 100, "ns/op"},
	{"P6", "the same, allocations", "eval.BenchmarkAnswer", 0, "allocs/op"},
	{"P6", "a million rows of a flow log, read and judged", "eval.BenchmarkRows", second, "ns/op"},
	{"P6", "the same, memory", "eval.BenchmarkRows", 200 * mega, "peak-B"},
	{"P6", "a million rows with TCP flags, a custom format", "eval.BenchmarkRowsFlags", second, "ns/op"},
	{"P6", "a million rows of the default format in gzip", "eval.BenchmarkRowsGzip", second, "ns/op"},
	{"P6", "a million rows in Parquet", "eval.BenchmarkRowsParquet", second, "ns/op"},
	{"P6", "a million packets in CSV", "eval.BenchmarkRowsCSV", second, "ns/op"},
	{"P6", "a million packets in JSON Lines", "eval.BenchmarkRowsJSON", second, "ns/op"},
	{"P7", "disagreements about random packets (a release: 1,000,000,000, make soak)", "solver/rulelist.BenchmarkSoak", 0, "disagreements"},
	{"P8", "a witness, there and back", "eval.BenchmarkWitness", micro, "ns/op"},
	{"P8", "a leaf of a cover", "reach/trace.BenchmarkCheckCover", 20, "ns/op"},
	{"P9", "check of a repository of 100 files, cold", "cmd/postern.BenchmarkCheck100Files", 300 * milli, "ns/op"},
	{"P9", "the same, memory", "cmd/postern.BenchmarkCheck100Files", 100 * mega, "peak-B"},
	{"P9", "check of a repository of 4,000 files, cold", "cmd/postern.BenchmarkCheck4000Files", 8 * second, "ns/op"},
	{"P9", "the same, memory", "cmd/postern.BenchmarkCheck4000Files", 500 * mega, "peak-B"},
}

// result is what a benchmark cost by unit; the least of several runs.
type result map[string]float64

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
	r := result{}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return
		}
		r[fields[i+1]] = v
	}
	key := pkg + "." + name
	if old, ok := results[key]; !ok || r["ns/op"] < old["ns/op"] {
		results[key] = r
	}
}

// table prints the goals with what was measured.
func table(out io.Writer, goals []goal, results map[string]result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ngoal\twhat\tbound\tmeasured\t\tbeside it")
	for _, g := range goals {
		r := results[g.benchmark]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", g.id, g.text, bound(g), verdict(g, r), baseline(g, r))
	}
	return w.Flush()
}

// least reports whether more is better.
func (g goal) least() bool { return strings.HasSuffix(g.unit, "/this") }

func bound(g goal) string {
	if g.least() {
		return ">= " + quantity(g.limit, g.unit)
	}
	return "<= " + quantity(g.limit, g.unit)
}

func verdict(g goal, r result) string {
	v, ok := r[g.unit]
	switch {
	case !ok:
		return "-\tnot measured"
	case g.least() && v < g.limit:
		return quantity(v, g.unit) + "\tmissed"
	case g.least():
		return quantity(v, g.unit) + "\treached"
	case v <= g.limit:
		return quantity(v, g.unit) + "\treached"
	case g.limit == 0:
		return quantity(v, g.unit) + "\tmissed"
	}
	return fmt.Sprintf("%s\tmissed, %.1f times as much", quantity(v, g.unit), v/g.limit)
}

// baseline says how the plain way compares: benchmarks report how many times
// longer it takes in a unit "name/this".
func baseline(g goal, r result) string {
	if g.unit != "ns/op" {
		return ""
	}
	for unit, v := range r {
		if name, ok := strings.CutSuffix(unit, "/this"); ok {
			return fmt.Sprintf("%s %s, %.3g times", name, quantity(v*r["ns/op"], "ns/op"), v)
		}
	}
	return ""
}

// quantity prints a value of a unit with three digits.
func quantity(v float64, unit string) string {
	switch {
	case unit == "ns/op", strings.HasSuffix(unit, "-ns"):
		return short(v)
	case unit == "B/op", unit == "B/list", unit == "peak-B":
		return fmt.Sprintf("%.4gMB", v/mega)
	case strings.HasSuffix(unit, "/this"):
		return fmt.Sprintf("%.4g times", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// short rounds a time to three digits; below a microsecond it keeps fractions.
func short(nanos float64) string {
	if nanos < 1000 {
		return fmt.Sprintf("%.3gns", nanos)
	}
	d, unit := time.Duration(nanos), time.Nanosecond
	for unit*1000 <= d {
		unit *= 10
	}
	return d.Round(unit).String()
}
