// Asks a worker: go run ./client tasks.reverse-go leet
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	nc, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	request := nats.NewMsg(os.Args[1])
	request.Data = []byte(os.Args[2])
	request.Header.Set("Request-Timeout", "5000")
	reply, err := nc.RequestMsg(request, 5*time.Second) // nats.ErrNoResponders, nats.ErrTimeout
	if err != nil {
		log.Fatal(err)
	}
	if code := reply.Header.Get("Nats-Service-Error-Code"); code != "" {
		log.Fatal(code, ": ", reply.Header.Get("Nats-Service-Error"))
	}
	fmt.Println(string(reply.Data))
}
