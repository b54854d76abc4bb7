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
)

func main() {
	os.Exit(run(context.Background(), streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdout), environ: os.Environ(),
	}, os.Args))
}
