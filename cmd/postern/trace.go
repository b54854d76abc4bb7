package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/reach/verify"
	"github.com/postern-dev/postern/report"
	"github.com/postern-dev/postern/solver/smt"
)

var (
	traceFormats = []string{"text", "json"}
	expectations = []string{"allow", "deny"}
)

func traceCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "trace", Usage: "one packet, hop by hop, with file and line of what decided", ArgsUsage: "A B HEADER [PATH...]",
		Description: "A and B are internet, an address, a Terraform address or AWS id, sg:NAME, subnet:NAME, tag:KEY=VALUE, ...\n" +
			"HEADER is one packet: tcp/443, udp/53, icmp/8, icmpv6/128, esp, 50.",
		Flags: slices.Concat([]cli.Flag{
			&cli.UintFlag{Name: "source-port", Usage: "the client's `PORT`", DefaultText: "32768"},
			&cli.StringFlag{Name: "src", Usage: "the source `ADDRESS`"},
			&cli.StringFlag{Name: "dst", Usage: "the destination `ADDRESS`, as the client sends it"},
			&cli.StringFlag{Name: "through", Usage: "the load balancer on the way, by `NAME`; B is then its target, and HEADER is for its listener"},
			&cli.StringFlag{Name: "expect", Usage: "the `VERDICT`, allow or deny: exit status 1 for anything else"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "show the entries that did not match as well", Category: outputFlags, DisableDefaultText: true},
			smtFlag("none: only likely values of what is unknown are tried"),
		}, loadFlags(), printFlags(traceFormats...)),
		Action: s.trace,
	}
}

func (s streams) trace(c *cli.Context) error {
	format, err := formatOf(c, traceFormats)
	if err != nil {
		return err
	}
	ask, err := question(c)
	if err != nil {
		return err
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, c.Args().Slice()[3:])
	if err != nil {
		return err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	n, err := networkOf(in, ask)
	if err != nil {
		return err
	}
	flows, err := flowsOf(n, ask, c.String("through"))
	if err != nil {
		return err
	}
	answer, q, err := walk(n, ask, flows, c.Bool("verbose"))
	if err != nil {
		return err
	}
	lost, err := settle(ctx, c, n, q, &answer)
	if err != nil {
		return err
	}
	answer.Sources, answer.Verbose = in.Sources, c.Bool("verbose")
	answer.Exit = expectation(c.String("expect"), answer.Result.Verdict, list)
	text := report.TraceText(answer, s.looks(c))
	if format == "json" {
		if text, err = report.TraceJSON(answer); err != nil {
			return err
		}
	}
	if err := s.print(c, text); err != nil || lost != nil {
		return errors.Join(err, lost)
	}
	return ended(answer.Exit.Status)
}

// settle finds values of what is unknown that decide about the packet. lost is
// why the solver of --smt did not help; what was found without it stands.
func settle(ctx context.Context, c *cli.Context, n *ir.Network, q trace.Query, answer *report.Trace) (lost, err error) {
	if answer.Result.Verdict != trace.Unknown {
		return nil, nil
	}
	var solver smt.Solver
	if c.IsSet("smt") {
		if solver, _, err = startSolver(ctx, c); err != nil {
			return nil, err
		}
		defer func() { _ = solver.Close() }()
	}
	found, err := verify.Settle(ctx, n, q, solver)
	switch {
	case ctx.Err() != nil:
		return nil, late(c, ctx.Err())
	case err != nil:
		lost = &usageError{message: fmt.Sprintf("--smt %s: the solver was lost: %v", c.String("smt"), err)}
	}
	answer.Settled = report.Settled{Allow: found.Allow, Deny: found.Deny, Never: found.Never, Always: found.Always}
	return lost, nil
}

// question reads the arguments: two ends and one packet.
func question(c *cli.Context) (endpoint.Ask, error) {
	var a endpoint.Ask
	args := c.Args().Slice()
	switch {
	case len(args) < 2:
		return a, &usageError{
			message: "trace needs two ends and a packet: postern trace A B HEADER [PATH...]",
			hints:   []hint{{"for instance", "postern trace internet aws_instance.web tcp/443", ""}, {"every name", "postern show --names", ""}},
		}
	case len(args) < 3:
		return a, onePacket(c, args)
	}
	var err error
	if a.Service, err = endpoint.ParseService(args[2]); err != nil {
		return a, err
	}
	if _, _, err := a.Service.One(); err != nil {
		return a, err
	}
	return a, ends(c, &a, args)
}

// ends reads the two ends of a question and the flags that narrow it.
func ends(c *cli.Context, a *endpoint.Ask, args []string) (err error) {
	if a.From, err = endpoint.Parse(args[0]); err != nil {
		return err
	}
	if a.To, err = endpoint.Parse(args[1]); err != nil {
		return err
	}
	if port := c.Uint("source-port"); port > 65535 {
		return &usageError{message: fmt.Sprintf("--source-port %d: expected 0 to 65535", port)}
	}
	a.SourcePort, a.SourcePortSet = uint16(c.Uint("source-port")), c.IsSet("source-port")
	if a.Src, err = address(c, "src"); err != nil {
		return err
	}
	a.Dst, err = address(c, "dst")
	return err
}

// address reads a flag that is an address; the zero address when it is not set.
func address(c *cli.Context, flag string) (netip.Addr, error) {
	value := c.String(flag)
	if value == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, &usageError{message: fmt.Sprintf("--%s %s: expected an IPv4 or IPv6 address", flag, value)}
	}
	return a.Unmap(), nil
}

// onePacket is the error about a trace without a packet; it offers the verb
// that asks about all of them.
func onePacket(c *cli.Context, args []string) error {
	e := &usageError{message: "trace follows one packet: say which, as tcp/443"}
	if c.App.Command("reach") != nil {
		e.hints = append(e.hints, hint{"all packets at once", "postern reach " + strings.Join(args, " "), ""})
	}
	return e
}

// networkOf finds the network that both ends are in.
func networkOf(in *parse.Result, a endpoint.Ask) (*ir.Network, error) {
	if len(in.Networks) == 0 {
		return nil, &usageError{message: "there is no network in the input"}
	}
	for _, e := range []endpoint.Expr{a.From, a.To} {
		if err := e.Check(in.Networks...); err != nil {
			return nil, err
		}
	}
	var both []*ir.Network
	for _, n := range in.Networks {
		if a.From.In(n) && a.To.In(n) {
			both = append(both, n)
		}
	}
	switch len(both) {
	case 0:
		return nil, &usageError{message: fmt.Sprintf("%s and %s are not in one network", a.From, a.To)}
	case 1:
		return both[0], nil
	}
	e := &usageError{message: fmt.Sprintf("%s and %s are in %d root modules; say which one", a.From, a.To, len(both))}
	for _, n := range both[:min(len(both), 8)] {
		e.hints = append(e.hints, hint{"one of", n.Root, n.Variant})
	}
	return nil, e
}

// flowsOf lists the flows that a question comes down to. Through a load balancer
// they are those to it, with its target as the far end.
func flowsOf(n *ir.Network, a endpoint.Ask, through string) ([]endpoint.Flow, error) {
	if through == "" {
		return endpoint.Flows(n, a)
	}
	targets := a.To
	var err error
	if a.To, err = endpoint.Parse(through); err != nil {
		return nil, err
	}
	if err := a.To.Check(n); err != nil {
		return nil, err
	}
	first, err := endpoint.Flows(n, a)
	if err != nil {
		return nil, err
	}
	var flows []endpoint.Flow
	for _, f := range first {
		if f.To == nil || f.To.Services == nil || !slices.ContainsFunc(f.To.Services.Ports, func(s ir.Service) bool { return s.Forward != nil }) {
			return nil, &usageError{message: fmt.Sprintf("--through %s: the input shows no load balancer there that sends on to anything", through)}
		}
		for _, t := range targets.Select(n).Interfaces {
			g := f
			g.To = t
			flows = append(flows, g)
		}
	}
	if len(flows) == 0 {
		return nil, &endpoint.EmptyError{End: targets}
	}
	return flows, nil
}

// walk traces the packets of a question and keeps the one to show: the first
// that does not pass, or the first of all.
func walk(n *ir.Network, a endpoint.Ask, flows []endpoint.Flow, verbose bool) (shown report.Trace, of trace.Query, err error) {
	counts := map[trace.Verdict]int{}
	for i, f := range flows {
		q := trace.Query{From: f.From, To: f.To, Header: f.Header, Verbose: verbose}
		r := report.Nowhere(f.Header, f.Nowhere)
		if !f.Nowhere.IsValid() {
			r = trace.Run(n, q)
		}
		counts[r.Verdict]++
		if i > 0 && (worse(r.Verdict) <= worse(shown.Result.Verdict)) {
			continue
		}
		of = q
		shown = report.Trace{Result: r, From: a.From.String(), To: a.To.String(), Representative: f.Representative, Advice: report.Advise(n, q, r)}
		shown.Onward = report.Onward(q)
	}
	if len(flows) > 1 {
		shown.Note = fmt.Sprintf("of %d pairs of interfaces %d allow, %d deny, %d unknown; this is the first that says %s",
			len(flows), counts[trace.Allow], counts[trace.Deny], counts[trace.Unknown], shown.Result.Verdict)
	}
	return shown, of, nil
}

// worse orders verdicts by what a person has to see.
func worse(v trace.Verdict) int {
	switch v {
	case trace.Deny:
		return 2
	case trace.Unknown:
		return 1
	case trace.Allow, trace.VerdictInvalid:
	}
	return 0
}
