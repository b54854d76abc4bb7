// Command postern proves what the security groups, network ACLs and routes of
// an AWS network let through.
//
// Here flags become calls and answers become bytes; one file holds one verb.
// What is decided, is decided in the packages: parse reads, rules and reach
// answer, report writes.
package main

import (
	"context"
	"os"
	"runtime/debug"
)

// Memory is traded for time as long as there is little of it in use: garbage is
// collected when the heap has tripled, and more often near softMemory. That is no
// bound: what is needed is used. GOGC and GOMEMLIMIT set other values.
const (
	softMemory = 420 << 20
	growth     = 200 // percent
)

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	os.Exit(run(context.Background(), streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdout), environ: os.Environ(),
	}, os.Args))
}
