package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/eval"
	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/report"
)

var evalFormats = []string{"text", "json", "jsonl"}

func evalCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "eval", Usage: "verdicts for packets by the million, and flow logs replayed", ArgsUsage: "--packets FILE [PATH...]",
		Description: "FILE is JSON Lines or CSV (src, dst, protocol, sport, dport, icmp_type, icmp_code, from, to), or a VPC flow log:\n" +
			"text, gzip or Parquet; - is standard input. jsonl prints a verdict for every packet.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "packets", Usage: "the `FILE` with the packets", Category: inputFlags},
			&cli.StringFlag{Name: "was", Usage: "the configuration under which a flow log was recorded: a `PATH`", Category: inputFlags},
			&cli.BoolFlag{Name: "guess-initiator", Usage: "of a row that does not tell, take the lower port for the server's", DisableDefaultText: true},
			&cli.BoolFlag{Name: "fail-on-broken", Usage: "exit status 1 when flows that were accepted would break", DisableDefaultText: true},
			&cli.IntFlag{Name: "top", Usage: "show the first `N` of every list", Value: 10, Category: outputFlags},
		}, loadFlags(), printFlags(evalFormats...)),
		Action: s.eval,
	}
}

func (s streams) eval(c *cli.Context) error {
	format := c.String("format")
	if format == "" {
		format = "text"
	}
	if err := choose("format", format, evalFormats); err != nil {
		return err
	}
	name, paths := c.String("packets"), c.Args().Slice()
	switch {
	case name == "":
		return &usageError{
			message: "eval needs packets: postern eval --packets FILE [PATH...]",
			hints:   []hint{{"one packet", "postern trace A B HEADER [PATH...]", ""}},
		}
	case name == "-" && slices.Contains(paths, "-"):
		return &usageError{message: "-: standard input can be read only once"}
	case c.Int("top") < 1:
		return &usageError{message: fmt.Sprintf("--top %d: expected 1 or more", c.Int("top"))}
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, paths)
	if err != nil {
		return err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	n, err := oneNetwork(in)
	if err != nil {
		return err
	}
	was, err := s.recorded(ctx, c)
	if err != nil {
		return err
	}
	source, done, err := s.packets(name)
	if err != nil {
		return err
	}
	defer done()
	return s.evaluate(ctx, c, eval.NewJudge(n, eval.Options{GuessInitiator: c.Bool("guess-initiator"), Was: was}), source, format, list)
}

// recorded reads the configuration under which a flow log was recorded.
func (s streams) recorded(ctx context.Context, c *cli.Context) (*ir.Network, error) {
	path := c.String("was")
	if path == "" {
		return nil, nil
	}
	in, err := s.load(ctx, c, []string{path})
	if err != nil {
		return nil, err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	if list.Errors() {
		return nil, &usageError{message: fmt.Sprintf("--was %s: a part of it could not be read", path)}
	}
	return oneNetwork(in)
}

// oneNetwork is the network of an input that has just one.
func oneNetwork(in *parse.Result) (*ir.Network, error) {
	switch len(in.Networks) {
	case 0:
		return nil, &usageError{message: "there is no network in the input"}
	case 1:
		return in.Networks[0], nil
	}
	e := &usageError{message: fmt.Sprintf("there are %d root modules in the input; say which one", len(in.Networks))}
	for _, n := range in.Networks[:min(len(in.Networks), 8)] {
		e.hints = append(e.hints, hint{"one of", n.Root, n.Variant})
	}
	return nil, e
}

// packets opens the packets.
func (s streams) packets(name string) (*record.Source, func(), error) {
	if name == "-" {
		source, err := record.Open(s.in, nil, 0)
		return source, func() {}, named(name, err)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, &usageError{message: fmt.Sprintf("--packets %s: cannot be read: %s", name, reason(err))}
	}
	done := func() { _ = f.Close() } // it was read only
	var at io.ReaderAt
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		at = f
	}
	if err == nil && info.IsDir() {
		err = fmt.Errorf("is a directory")
	}
	var source *record.Source
	if err == nil {
		source, err = record.Open(f, at, info.Size())
	}
	if err != nil {
		done()
		return nil, nil, named(name, err)
	}
	return source, done, nil
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return &usageError{message: fmt.Sprintf("--packets %s: %s", name, reason(err))}
}

// evaluate judges the packets and prints what was asked for.
func (s streams) evaluate(ctx context.Context, c *cli.Context, j *eval.Judge, source *record.Source, format string, list diag.List) error {
	task := eval.Task{Source: source, Progress: s.progress()}
	var lines *bufio.Writer
	if format == "jsonl" {
		w, closed, err := s.create(c)
		if err != nil {
			return err
		}
		defer closed()
		lines = bufio.NewWriterSize(w, 1<<16)
		task.Out = lines
	}
	summary, err := j.Run(ctx, task)
	if task.Progress != nil {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if lines != nil {
		if flushed := lines.Flush(); err == nil {
			err = flushed
		}
	}
	exit := evaluation(summary, c.Bool("fail-on-broken"), list)
	switch {
	case format == "jsonl" && exit.Status != statusOK && err == nil:
		fmt.Fprintf(s.err, "%s\n", exit.Words)
	case format == "json":
		if failed := s.print(c, string(summary.JSON(c.Int("top")))); failed != nil {
			return failed
		}
	case format == "text":
		if failed := s.print(c, evalText(summary, c.Int("top"), exit)); failed != nil {
			return failed
		}
	}
	if err != nil {
		return late(c, named(c.String("packets"), err))
	}
	return ended(exit.Status)
}

// create opens what lines are written to.
func (s streams) create(c *cli.Context) (io.Writer, func(), error) {
	name := c.String("output")
	if name == "" || name == "-" {
		return s.out, func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, &usageError{message: fmt.Sprintf("--output %s: cannot be written: %s", name, reason(err))}
	}
	return f, func() { _ = f.Close() }, nil
}

// evalText is the summary with the status in words. Names come from the input,
// and must not act on a terminal.
func evalText(summary *eval.Summary, top int, exit report.Exit) string {
	text := summary.Text(top)
	if !exit.Quiet {
		text += "\n" + exit.Words + "\n"
	}
	lines := strings.Split(text, "\n")
	for k, line := range lines {
		lines[k] = report.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// evaluation decides the status: a denied packet is no failure, a flow that
// would break is one when it was asked for.
func evaluation(summary *eval.Summary, failOnBroken bool, list diag.List) report.Exit {
	broken := summary.Replay(eval.Breaks)
	unclear := summary.Replay(eval.Unclear)
	switch {
	case list.Errors():
		return words(statusUsage, "a part of the input could not be read")
	case summary.Of(record.Packet) == 0 && summary.Of(record.Faulty) > 0:
		return words(statusUsage, "no line of the packets makes sense")
	case failOnBroken && broken > 0:
		return words(statusFindings, count(broken, "row")+" of accepted flows would break")
	case failOnBroken && unclear > 0:
		return words(statusOK, fmt.Sprintf("nothing surely breaks; of %s it cannot be told", count(unclear, "row")))
	case failOnBroken:
		return words(statusOK, "nothing breaks")
	}
	return report.Exit{Status: statusOK, Quiet: true}
}

// progress counts on a terminal, a few times a second.
func (s streams) progress() func(int) {
	f, ok := s.err.(*os.File)
	if !ok || !isTerminal(f) {
		return nil
	}
	last := time.Now()
	return func(lines int) {
		if now := time.Now(); now.Sub(last) > 200*time.Millisecond {
			last = now
			fmt.Fprintf(s.err, "\r%d lines\x1b[K", lines)
		}
	}
}
