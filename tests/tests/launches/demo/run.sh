go run ./cmd/app
