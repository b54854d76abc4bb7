package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func versionCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "which postern this is",
		Action: func(*cli.Context) error {
			fmt.Fprintln(s.out, "postern "+version())
			return nil
		},
	}
}

// version is the module's version as the Go toolchain recorded it: a release,
// or a commit and its time.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
