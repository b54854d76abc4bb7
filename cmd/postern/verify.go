package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/verify"
	"github.com/postern-dev/postern/report"
	"github.com/postern-dev/postern/rules"
	"github.com/postern-dev/postern/solver/smt"
)

// defaultSolver is asked when --smt names no other and it is installed.
const defaultSolver = "z3 -in"

func verifyCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "put every answer to all of postern's judges and compare", ArgsUsage: "[PATH...]", Hidden: true,
		Description: "Compares packet sets, an SMT solver and the packet evaluator on every network ACL, group, flow and finding. Exit status 3 when two of them contradict each other.",
		Flags: slices.Concat([]cli.Flag{
			smtFlag(defaultSolver + ", if it is installed"),
			&cli.StringFlag{Name: "repro", Usage: "write the first disagreement, without names, to `FILE`", Category: outputFlags},
			&cli.IntFlag{Name: "max-flows", Value: 400, Usage: "compare `N` flows of a network at most"},
		}, loadFlags()),
		Action: s.verify,
	}
}

func smtFlag(byDefault string) cli.Flag {
	return &cli.StringFlag{Name: "smt", Usage: "the solver and its arguments, `CMD`: it reads SMT-LIB 2 from standard input", DefaultText: byDefault}
}

func (s streams) verify(c *cli.Context) error {
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, c.Args().Slice())
	if err != nil {
		return err
	}
	solver, words, err := startSolver(ctx, c)
	if err != nil {
		return err
	}
	o := verify.Options{MaxFlows: c.Int("max-flows")}
	if solver != nil {
		defer func() { _ = solver.Close() }()
		o.Solver = solver
	}
	var r verify.Report
	failed := compare(ctx, in.Networks, o, enough(ctx, c), &r, s.verifying(in.Networks))
	if failed != nil && !errors.Is(failed, context.DeadlineExceeded) {
		return failed
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	fmt.Fprint(s.out, verifyText(&r, words))
	if err := writeRepro(c.String("repro"), &r); err != nil {
		return err
	}
	if failed != nil && len(r.Disagreements) == 0 {
		return late(c, failed) // what was compared until then is told
	}
	return ended(verifyStatus(c, s, &r, list))
}

// comparing is how long networks are compared when no --timeout says otherwise.
const comparing = 2 * time.Minute

// enough is when the comparison has to be done, before the time is up: what was
// left out is still to be told.
func enough(ctx context.Context, c *cli.Context) time.Time {
	if end, ok := ctx.Deadline(); ok {
		return end.Add(-c.Duration("timeout") / 8)
	}
	return time.Now().Add(comparing)
}

// compare puts networks to all judges, one after another. Each has its share of
// the time; what the others leave those have that are not done.
func compare(ctx context.Context, nets []*ir.Network, o verify.Options, until time.Time, r *verify.Report, progress func(int)) error {
	type part struct {
		at       int
		findings []diag.Finding
		rest     verify.Rest
	}
	parts := make([]*part, len(nets))
	for k := range nets {
		parts[k] = &part{at: k}
	}
	for first := true; len(parts) > 0; first = false {
		var late []*part
		left := 0
		for k, p := range parts {
			progress(p.at)
			began, share := time.Now(), time.Until(until)/time.Duration(len(parts)-k)
			n := nets[p.at]
			if first {
				found, err := rules.Check(ctx, []*ir.Network{n}, rules.Settings{})
				if err != nil {
					return err
				}
				for _, d := range found.Disagreements {
					r.Disagreements = append(r.Disagreements, verify.Disagreement{What: "a finding", Says: d.Error(), Network: n})
				}
				p.findings = found.Findings
			}
			o.Time, o.Done = max(1, share-time.Since(began)), p.rest.Done
			var err error
			if p.rest, err = verify.Network(ctx, n, p.findings, o, r); err != nil {
				return err
			}
			if left += p.rest.Left; p.rest.Left > 0 {
				late = append(late, p)
			}
		}
		if time.Until(until) < time.Second {
			r.Late = left
			break
		}
		parts = late
	}
	progress(len(nets))
	return nil
}

// verifying tells on a terminal which network is compared.
func (s streams) verifying(nets []*ir.Network) func(int) {
	f, ok := s.err.(*os.File)
	if !ok || !isTerminal(f) {
		return func(int) {}
	}
	return func(k int) {
		fmt.Fprint(s.err, "\r\x1b[K")
		if k < len(nets) {
			fmt.Fprintf(s.err, "network %d of %d, %s", k+1, len(nets), report.Clean(nets[k].Root))
		}
	}
}

func verifyStatus(c *cli.Context, s streams, r *verify.Report, list diag.List) int {
	lost := r.SolverErr != nil && c.IsSet("smt")
	switch {
	case len(r.Disagreements) > 0:
		fmt.Fprintln(s.out, words(statusInternal, count(len(r.Disagreements), "disagreement")+"; please report this").Words)
		return statusInternal
	case lost:
		fmt.Fprintln(s.out, words(statusUsage, "the solver was lost on the way").Words)
		return statusUsage
	case list.Errors():
		fmt.Fprintln(s.out, words(statusUsage, "a part of the input could not be read").Words)
		return statusUsage
	}
	agree := "the judges agree"
	if r.Late > 0 {
		agree += " on what was compared"
	}
	fmt.Fprintln(s.out, words(statusOK, agree).Words)
	return statusOK
}

// startSolver starts the solver that --smt names, or the default one where it is
// installed. The words say with what the comparison is made.
func startSolver(ctx context.Context, c *cli.Context) (smt.Solver, string, error) {
	if !c.IsSet("smt") {
		if linked, err := verify.Patient(ctx, patience, func(context.Context) (smt.Solver, error) { return smt.InProcess() }); err == nil {
			return linked, "libz3", nil
		} else if !errors.Is(err, smt.ErrNotBuilt) {
			return nil, "", err
		}
		if !smt.Installed(strings.Fields(defaultSolver)[0]) {
			return nil, "", nil
		}
	}
	command := c.String("smt")
	if command == "" {
		command = defaultSolver
	}
	p, err := verify.Patient(ctx, patience, func(ctx context.Context) (smt.Solver, error) {
		return smt.Start(ctx, strings.Fields(command)...)
	})
	if err != nil {
		return nil, "", &usageError{message: fmt.Sprintf("--smt %s: %v", command, err)}
	}
	return p, command, nil
}

// patience is how long a solver may take for one question.
const patience = 10 * time.Second

func verifyText(r *verify.Report, solver string) string {
	var w strings.Builder
	judges := "Packet sets, " + solver + " and the packet evaluator"
	if solver == "" {
		judges = "No solver is installed (apt-get install z3, or --smt CMD). Packet sets and the packet evaluator"
	}
	fmt.Fprintf(&w, "%s were asked about\n", judges)
	fmt.Fprintf(&w, "  %s of network ACLs, %s of groups, %s and the packets of %s:\n", count(r.ACLs, "direction"), count(r.Groups, "direction"), count(r.Flows, "flow"), count(r.Findings, "finding"))
	if r.Ends < r.Interfaces {
		fmt.Fprintf(&w, "  For %s of interfaces that differ in more than their addresses one each stands, for all %d.\n", count(r.Ends, "kind"), r.Interfaces)
	}
	fmt.Fprintf(&w, "  %s to the solver, %s walked, %d of them with values that the solver chose for what is unknown.\n", count(r.Queries, "question"), count(r.Packets, "packet"), r.Values)
	for _, left := range []struct {
		n    int
		text string
	}{
		{r.Split, "%s decided by trying unknown Booleans case by case"},
		{r.LeftOut, "%s left out; see --max-flows"},
		{r.Late, "%s left out when the time was up; see --timeout"},
		{r.Complex, "%s too complex for the solver, compared by packets only"},
		{r.Undecided, "%s that the solver gave up on"},
	} {
		if left.n > 0 {
			fmt.Fprintf(&w, "  "+left.text+".\n", count(left.n, "answer"))
		}
	}
	if r.SolverErr != nil {
		fmt.Fprintf(&w, "The solver was lost: %s. The rest was compared without it.\n", report.Clean(r.SolverErr.Error()))
	}
	for _, o := range r.Opens {
		fmt.Fprintf(&w, "open: %s opens %s to %s\n", report.Clean(valuesText(o.Values)), report.Clean(o.To.Resource), o.Header)
	}
	for k := range r.Disagreements[:min(len(r.Disagreements), mostDisagreements)] {
		d := &r.Disagreements[k]
		fmt.Fprintf(&w, "disagreement: %s\n", report.Clean(d.Error()))
		if len(d.Values) > 0 {
			fmt.Fprintf(&w, "  with %s\n", report.Clean(valuesText(d.Values)))
		}
	}
	if n := len(r.Disagreements) - mostDisagreements; n > 0 {
		fmt.Fprintf(&w, "and %s more\n", count(n, "disagreement"))
	}
	return w.String()
}

// mostDisagreements is how many are told; one error of postern's makes many.
const mostDisagreements = 10

// valuesText is "var.a = 0.0.0.0/0, var.b = 1". The values are the solver's own.
func valuesText(values map[string]string) string {
	var parts []string
	for term, v := range values {
		if v == "" {
			v = "nothing"
		}
		parts = append(parts, term+" = "+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func writeRepro(name string, r *verify.Report) error {
	if name == "" || len(r.Disagreements) == 0 {
		return nil
	}
	out, err := verify.Repro(&r.Disagreements[0])
	if err == nil {
		err = os.WriteFile(name, out, 0o644)
	}
	if err != nil {
		return &usageError{message: fmt.Sprintf("--repro %s: cannot be written: %s", name, reason(err))}
	}
	return nil
}

// emitSMT writes the query of each finding that has one into a directory, and a
// solver that is not postern's can check it.
func emitSMT(dir string, nets []*ir.Network, findings []diag.Finding) error {
	if dir == "" {
		return nil
	}
	failed := func(err error) error {
		return &usageError{message: fmt.Sprintf("--emit-smt %s: cannot be written: %s", dir, reason(err))}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed(err)
	}
	for k := range findings {
		for _, n := range nets {
			text, ok, err := verify.Script(n, &findings[k])
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			name := filepath.Join(dir, fmt.Sprintf("%04d-%s.smt2", k+1, findings[k].Rule))
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				return failed(err)
			}
			break
		}
	}
	return nil
}
