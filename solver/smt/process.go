package smt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Solver decides formulas. It is not safe for concurrent use.
type Solver interface {
	// Solve returns a model of the formula, or nil when there is none. The error
	// is ErrUndecided when the solver gives up, ErrEnded when it is gone,
	// ErrAnswer when it writes what is no answer, a RefusedError when it does
	// not accept the query, the context's when that has ended. After any but the
	// first the solver is gone.
	Solve(ctx context.Context, f Formula) (*Model, error)
	Close() error
}

// The errors of a solver.
var (
	// ErrUndecided: the solver answered "unknown".
	ErrUndecided = errors.New("smt: the solver could not decide")
	// ErrEnded: the solver process is not there any more.
	ErrEnded = errors.New("smt: the solver process has ended")
)

// RefusedError is what a solver says about a query that it does not accept.
type RefusedError struct{ Message string }

func (e *RefusedError) Error() string { return "smt: the solver refused the query: " + e.Message }

// Process is a solver program that reads SMT-LIB 2 and answers on its output.
type Process struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan answer
	ended   chan struct{} // closed when the process is gone
	stop    func()        // kills the process and all that it started
	said    tail
	err     error // why it can be asked nothing more
}

type answer struct {
	expr Expr
	err  error
}

// Installed reports whether a program can be found.
func Installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// Start runs a solver: the program and its arguments. It ends with the context,
// or with Close. The error says when the program cannot be started; that it is
// no solver shows with the first query.
func Start(ctx context.Context, argv ...string) (*Process, error) {
	if len(argv) == 0 {
		return nil, errors.New("smt: no solver named")
	}
	p := &Process{name: argv[0], answers: make(chan answer, 1), ended: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	group(p.cmd)
	p.cmd.Stderr = &p.said
	p.cmd.WaitDelay = time.Second
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("smt: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("smt: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("smt: %s cannot be started: %w", p.name, err)
	}
	p.in = in
	p.stop = sync.OnceFunc(func() { kill(p.cmd) })
	release := context.AfterFunc(ctx, p.stop)
	go func() {
		// A solver that ends takes along what it has started, which would hold
		// its output open.
		_, _ = p.cmd.Process.Wait()
		p.stop()
	}()
	go p.listen(out, release)
	return p, nil
}

// listen hands on the answers, and the end.
func (p *Process) listen(out io.Reader, release func() bool) {
	r := bufio.NewReader(out)
	for {
		e, err := Parse(r)
		p.answers <- answer{e, err}
		if err != nil {
			break
		}
	}
	p.stop() // what cannot be read, or has closed its output, is of no more use
	_ = p.cmd.Wait()
	release()
	close(p.ended)
}

// Close ends the process.
func (p *Process) Close() error {
	if p.err == nil {
		p.err = ErrEnded
	}
	p.stop()
	_ = p.in.Close()
	for {
		select {
		case <-p.answers:
		case <-p.ended:
			return nil
		}
	}
}

// Solve asks about one formula. See Solver.
func (p *Process) Solve(ctx context.Context, f Formula) (*Model, error) {
	if p.err != nil {
		return nil, p.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prog, err := f.program()
	if err != nil {
		return nil, err
	}
	m, err := p.ask(ctx, &f, prog)
	if err != nil && !errors.Is(err, ErrUndecided) {
		p.err = err
		p.stop()
	}
	return m, err
}

func (p *Process) ask(ctx context.Context, f *Formula, prog *program) (*Model, error) {
	defer context.AfterFunc(ctx, p.stop)()
	var text strings.Builder
	text.WriteString("(set-option :produce-models true)\n(set-logic QF_BV)\n")
	prog.commands(&text)
	text.WriteString("(check-sat)\n")
	e, err := p.exchange(ctx, text.String())
	if err != nil {
		return nil, err
	}
	switch {
	case e.Word == "unsat":
		return nil, p.send("(reset)\n")
	case e.Word == "unknown":
		if err := p.send("(reset)\n"); err != nil {
			return nil, err
		}
		return nil, ErrUndecided
	case e.Word != "sat":
		return nil, unreadable("%q instead of sat or unsat", clip(e.Word))
	case len(prog.vars) == 0:
		m, err := f.read(nil)
		return m, errors.Join(err, p.send("(reset)\n"))
	}
	names := make([]string, len(prog.vars))
	for k, t := range prog.vars {
		names[k] = prog.nodes[t].name
	}
	if e, err = p.exchange(ctx, "(get-value ("+strings.Join(names, " ")+"))\n(reset)\n"); err != nil {
		return nil, err
	}
	values, err := prog.values(e)
	if err != nil {
		return nil, err
	}
	return f.read(values)
}

func (p *Process) send(text string) error {
	if _, err := io.WriteString(p.in, text); err != nil {
		return p.gone()
	}
	return nil
}

// exchange writes commands and waits for one answer. It writes beside the
// waiting: a solver that answers before it has read all would block both.
func (p *Process) exchange(ctx context.Context, text string) (Expr, error) {
	sent := make(chan error, 1)
	go func() { sent <- p.send(text) }()
	a := <-p.answers
	switch {
	case ctx.Err() != nil:
		return Expr{}, ctx.Err()
	case errors.Is(a.err, io.EOF):
		return Expr{}, p.gone()
	case a.err != nil:
		return Expr{}, a.err
	case a.expr.IsList && len(a.expr.List) > 1 && a.expr.List[0].Word == "error":
		return Expr{}, &RefusedError{clip(a.expr.List[1].Word)}
	}
	return a.expr, <-sent
}

// gone is ErrEnded with what the process said last.
func (p *Process) gone() error {
	p.stop()
	select {
	case <-p.ended:
	case <-time.After(3 * time.Second):
	}
	if s := p.said.text(); s != "" {
		return fmt.Errorf("%w (%s): %s", ErrEnded, p.name, s)
	}
	return fmt.Errorf("%w (%s)", ErrEnded, p.name)
}

// clip bounds what is quoted of a solver, and keeps it on one line.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return s
}

// tail keeps the beginning of what a process complains about.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b[:min(len(b), 4096-len(t.b))]...)
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return clip(string(t.b))
}
