package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/report"
)

var (
	reachFormats  = []string{"text", "json", "markdown", "dot", "mermaid"}
	matrixFormats = []string{"text", "json", "csv", "markdown", "dot", "mermaid", "svg"}
)

func reachCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "reach", Usage: "all packets from A to B, both directions, and what stops them", ArgsUsage: "A B [HEADER] [PATH...] | --by WHAT [PATH...]",
		Description: "A and B are internet, any, an address or CIDR, a Terraform address or AWS id, sg:NAME, subnet:NAME,\n" +
			"tag:KEY=VALUE, ..., joined by , (or) + (and) ! (not). HEADER narrows the question: tcp/443, udp, icmp/8, all.\n" +
			"PATH is what check reads. The formats csv and svg are for --by.",
		Flags: slices.Concat([]cli.Flag{
			&cli.UintFlag{Name: "source-port", Usage: "only packets from this client `PORT`", DefaultText: "all"},
			&cli.StringFlag{Name: "src", Usage: "only packets from this `ADDRESS`"},
			&cli.StringFlag{Name: "dst", Usage: "only packets to this `ADDRESS`, as the client sends them"},
			&cli.StringFlag{Name: "by", Usage: "without A and B: who talks to whom, by `WHAT`: " + list(query.Partitions)},
			&cli.BoolFlag{Name: "chains", Usage: "how A gets to B by several flows, from interface to interface; B may be any", DisableDefaultText: true},
			&cli.BoolFlag{Name: "all", Usage: "ask whether every packet flows, not whether any does", DisableDefaultText: true},
			&cli.StringFlag{Name: "expect", Usage: "the `VERDICT`, allow or deny: exit status 1 for anything else"},
		}, loadFlags(), printFlags(matrixFormats...)),
		Action: s.reach,
	}
}

func (s streams) reach(c *cli.Context) error {
	if c.IsSet("by") {
		if err := useless(c, "by", "chains", "all", "expect", "source-port", "src", "dst"); err != nil {
			return err
		}
		return s.matrix(c)
	}
	if c.Bool("chains") {
		if err := useless(c, "chains", "all", "source-port", "src", "dst"); err != nil {
			return err
		}
	}
	format, err := formatOf(c, reachFormats)
	if err != nil {
		return err
	}
	ask, paths, err := reachQuestion(c)
	if err != nil {
		return err
	}
	if c.Bool("chains") && ask.Service.Text != "" {
		return &usageError{message: fmt.Sprintf("chains are of flows of every service: leave out %s", ask.Service.Text)}
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, paths)
	if err != nil {
		return err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	n, err := networkOf(in, ask)
	if err != nil {
		return err
	}
	q, notes, err := reachEnds(n, ask)
	if err != nil {
		return err
	}
	q.All = c.Bool("all")
	m, err := reach.Compile(ctx, n)
	if err != nil {
		return late(c, err)
	}
	if c.Bool("chains") {
		return s.chains(ctx, c, m, ask, q, format, list)
	}
	answer, err := query.Run(ctx, m, q)
	if err != nil {
		return late(c, err)
	}
	if len(answer.Pairs) == 0 {
		return &usageError{message: fmt.Sprintf("%s and %s are the same interface, and one that sends to itself uses no network", ask.From, ask.To)}
	}
	r := report.Reach{
		From: ask.From.String(), To: ask.To.String(), Service: ask.Service.Text, Answer: answer, Lists: answer.Lists(m), Table: answer.Table(m), Links: answer.Links(m),
		Sources: in.Sources, Notes: notes, All: q.All,
		Exit: expectation(c.String("expect"), answer.Verdict, list),
	}
	if n := len(answer.Disagreements); n > 0 {
		r.Exit = words(statusInternal, fmt.Sprintf("%s that postern's own evaluator does not confirm; please report this", count(n, "answer")))
		for _, d := range answer.Disagreements {
			fmt.Fprintln(s.err, "postern: "+d)
		}
	}
	text, err := reachText(r, format, s.looks(c))
	if err != nil {
		return err
	}
	if err := s.print(c, text); err != nil {
		return err
	}
	return ended(r.Exit.Status)
}

// chains answers how one end gets to the other by several flows.
func (s streams) chains(ctx context.Context, c *cli.Context, m *reach.Model, ask endpoint.Ask, q query.Question, format string, list diag.List) error {
	to, err := chainGoal(ask, q)
	if err != nil {
		return err
	}
	found, err := query.Chains(ctx, m, q.From, to)
	if err != nil {
		return late(c, err)
	}
	verdict := trace.Deny
	for _, x := range found {
		if x.Sure() {
			verdict = trace.Allow
		} else if verdict == trace.Deny {
			verdict = trace.Unknown
		}
	}
	r := report.Chains{From: ask.From.String(), To: ask.To.String(), Chains: found, Exit: expectation(c.String("expect"), verdict, list)}
	text := ""
	switch format {
	case "json":
		text, err = report.ChainsJSON(r)
	case "markdown":
		text = report.ChainsMarkdown(r)
	case "dot":
		text = report.ChainsDOT(r)
	case "mermaid":
		text = report.ChainsMermaid(r)
	default:
		text = report.ChainsText(r, s.looks(c))
	}
	if err != nil {
		return err
	}
	if err := s.print(c, text); err != nil {
		return err
	}
	return ended(r.Exit.Status)
}

// useless finds a flag that would change nothing beside another: nobody should
// believe that it did.
func useless(c *cli.Context, with string, flags ...string) error {
	for _, f := range flags {
		if c.IsSet(f) {
			return &usageError{message: fmt.Sprintf("--%s has no meaning with --%s", f, with)}
		}
	}
	return nil
}

// chainGoal is the interfaces that chains may lead to: those that they do not
// start from.
func chainGoal(ask endpoint.Ask, q query.Question) ([]endpoint.End, error) {
	starts := map[*ir.Interface]bool{nil: true}
	for _, e := range q.From {
		starts[e.Interface] = true
	}
	var to []endpoint.End
	inside := false
	for _, e := range q.To {
		inside = inside || e.Interface != nil
		if !starts[e.Interface] {
			to = append(to, e)
		}
	}
	switch {
	case !inside:
		return nil, &usageError{
			message: fmt.Sprintf("chains lead to interfaces, and %s is none", ask.To),
			hints:   []hint{{"one flow", fmt.Sprintf("postern reach %s %s", ask.From, ask.To), ""}},
		}
	case len(to) == 0:
		return nil, &usageError{message: fmt.Sprintf("every interface of %s is in %s as well: chains would begin at their ends", ask.To, ask.From)}
	}
	return to, nil
}

// matrix answers who talks to whom.
func (s streams) matrix(c *cli.Context) error {
	format, err := formatOf(c, matrixFormats)
	if err != nil {
		return err
	}
	by := c.String("by")
	if key, isTag := strings.CutPrefix(by, "tag:"); !isTag || key == "" {
		if err := choose("by", by, query.Partitions); err != nil {
			return err
		}
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, c.Args().Slice())
	if err != nil {
		return err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	n, err := onlyNetwork(in)
	if err != nil {
		return err
	}
	m, err := reach.Compile(ctx, n)
	if err != nil {
		return late(c, err)
	}
	x, err := query.NewMatrix(ctx, m, by)
	if err != nil {
		return late(c, err)
	}
	text, err := matrixText(x, format, s.looks(c))
	if err != nil {
		return err
	}
	if err := s.print(c, text); err != nil {
		return err
	}
	return ended(expectation("", trace.Allow, list).Status)
}

func matrixText(x *query.Matrix, format string, o report.Options) (string, error) {
	switch format {
	case "json":
		return report.MatrixJSON(x)
	case "csv":
		return report.MatrixCSV(x)
	case "markdown":
		return report.MatrixMarkdown(x), nil
	case "dot":
		return report.MatrixDOT(x), nil
	case "mermaid":
		return report.MatrixMermaid(x), nil
	case "svg":
		return report.MatrixSVG(x), nil
	}
	return report.MatrixText(x, o), nil
}

// onlyNetwork is the network of an input that holds just one with interfaces.
func onlyNetwork(in *parse.Result) (*ir.Network, error) {
	var ns []*ir.Network
	for _, n := range in.Networks {
		if len(n.Interfaces) > 0 {
			ns = append(ns, n)
		}
	}
	switch len(ns) {
	case 0:
		return nil, errNoInterfaces
	case 1:
		return ns[0], nil
	}
	e := &usageError{message: fmt.Sprintf("the input has %d root modules with interfaces; say which one", len(ns))}
	for _, n := range ns[:min(len(ns), 8)] {
		e.hints = append(e.hints, hint{"one of", n.Root, n.Variant})
	}
	return nil, e
}

func reachText(r report.Reach, format string, o report.Options) (string, error) {
	switch format {
	case "json":
		return report.ReachJSON(r)
	case "markdown":
		return report.ReachMarkdown(r), nil
	case "dot":
		return report.ReachDOT(r), nil
	case "mermaid":
		return report.ReachMermaid(r), nil
	}
	return report.ReachText(r, o), nil
}

// formatOf reads --format and --expect; the first format is the default.
func formatOf(c *cli.Context, formats []string) (string, error) {
	format := c.String("format")
	if format == "" {
		format = formats[0]
	}
	if err := choose("format", format, formats); err != nil {
		return "", err
	}
	if c.IsSet("expect") {
		return format, choose("expect", c.String("expect"), expectations)
	}
	return format, nil
}

// reachQuestion reads the arguments: two ends, perhaps a header, and paths. What
// looks like a header is one, unless a file has that name: then it takes ./.
func reachQuestion(c *cli.Context) (endpoint.Ask, []string, error) {
	var a endpoint.Ask
	args := c.Args().Slice()
	if len(args) < 2 {
		return a, nil, &usageError{
			message: "reach needs two ends: postern reach A B [HEADER] [PATH...]",
			hints:   []hint{{"for instance", "postern reach internet aws_instance.web tcp/443", ""}, {"every name", "postern show --names", ""}},
		}
	}
	rest := args[2:]
	if len(rest) > 0 {
		if service, err := endpoint.ParseService(rest[0]); err == nil {
			a.Service, rest = service, rest[1:]
		} else if strings.Contains(rest[0], "/") && headerLike(rest[0]) {
			return a, nil, err
		}
	}
	return a, rest, ends(c, &a, args)
}

// headerLike reports whether a word begins as headers do, so that a fault in it
// is not taken for a path.
func headerLike(word string) bool {
	name, _, _ := strings.Cut(strings.ToLower(word), "/")
	_, err := endpoint.ParseService(name)
	return err == nil && !exists(word)
}

// reachEnds finds what the two ends are, and what has to be said about them.
func reachEnds(n *ir.Network, a endpoint.Ask) (query.Question, []string, error) {
	q := query.Question{Service: a.Service, Src: a.Src, Dst: a.Dst, SourcePort: a.SourcePort, SourcePortSet: a.SourcePortSet}
	var notes []string
	for _, e := range []struct {
		expr endpoint.Expr
		ends *[]endpoint.End
	}{{a.From, &q.From}, {a.To, &q.To}} {
		found, rest, err := endpoint.Ends(n, e.expr)
		var empty *endpoint.EmptyError
		if errors.As(err, &empty) {
			return q, nil, nobodyThere(n, e.expr, empty)
		}
		if err != nil {
			return q, nil, err
		}
		*e.ends = found
		if note := unheld(n, e.expr, rest); note != "" {
			notes = append(notes, note)
		}
	}
	inside := func(e endpoint.End) bool { return e.Interface != nil || e.Nowhere.IsValid() }
	switch {
	case slices.ContainsFunc(q.From, inside), slices.ContainsFunc(q.To, inside):
		return q, notes, nil
	case len(n.Interfaces) == 0:
		return q, nil, errNoInterfaces
	}
	return q, nil, &usageError{message: fmt.Sprintf("%s and %s are both outside: nothing of the input is on the way", a.From, a.To)}
}

// nobodyThere says that addresses are nobody's, and which subnets they lie in:
// what AWS may give to their interfaces is asked for by their names.
func nobodyThere(n *ir.Network, e endpoint.Expr, empty error) error {
	u := &usageError{message: empty.Error()}
	named := e.Select(n).Addresses
	for _, s := range n.Subnets {
		for _, c := range []ir.Value[netip.Prefix]{s.IPv4, s.IPv6} {
			if named != nil && c.Known() && c.V.IsValid() && named.OverlapsPrefix(c.V) && len(u.hints) < 8 {
				u.hints = append(u.hints, hint{"is a part of", cmp.Or(s.Origin.Address, s.ID), c.V.String()})
			}
		}
	}
	return u
}

// errNoInterfaces is what every question about flows comes to without them.
var errNoInterfaces = &usageError{message: "there is no network interface in the input: nothing sends or receives"}

// unheld says that an end has addresses that no interface holds. Of any and of
// the CIDRs of VPCs that is a matter of course.
func unheld(n *ir.Network, e endpoint.Expr, rest *netipx.IPSet) string {
	if rest == nil || len(rest.Ranges()) == 0 || e.String() == "any" {
		return ""
	}
	return fmt.Sprintf("Of %s, addresses inside a VPC are left out that no interface of the input is known to have.", e)
}
