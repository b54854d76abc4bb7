//go:build unix

package smt

import (
	"os/exec"
	"syscall"
)

// group makes the solver the head of a process group, so that what it starts
// ends with it.
func group(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func kill(c *exec.Cmd) {
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	_ = c.Process.Kill()
}
