package main

import (
	"fmt"
	"time"
)

//go:generate go run ./cmd/app

func main() {
	time.Sleep(20 * time.Millisecond)
	fmt.Println("demo")
}
