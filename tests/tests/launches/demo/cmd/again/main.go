// Says that it runs, waits until its parent is gone, and becomes itself, then true.
package main

import (
	"os"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 2 {
		os.WriteFile(os.Args[1]+".again", nil, 0o600)
		syscall.Exec("/bin/true", []string{"true"}, nil)
		os.Exit(1)
	}
	parent := os.Getppid()
	os.WriteFile(os.Args[1], nil, 0o600)
	for os.Getppid() == parent {
		time.Sleep(time.Millisecond)
	}
	self, _ := os.Executable()
	syscall.Exec(self, append(os.Args, "again"), os.Environ())
	os.Exit(1)
}
