package main

import "fmt"

//go:generate go run ./cmd/app

func main() {
	fmt.Println("demo")
}
