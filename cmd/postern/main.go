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

// softMemory is how much memory the program may take before it collects garbage
// more often than it would. It is no bound: what is needed is used. GOMEMLIMIT
// sets another.
const softMemory = 400 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	os.Exit(run(context.Background(), streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdout), environ: os.Environ(),
	}, os.Args))
}
