package main

import (
	"os"
	"os/exec"
	"testing"
)

func TestStartsWhatItIsTold(t *testing.T) {
	if command := os.Getenv("START"); command != "" {
		if out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
}
