// Leet worker: tasks.> -> leet-speak.
package main

import (
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

var leet = strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5", "t", "7", "l", "1",
	"A", "4", "E", "3", "I", "1", "O", "0", "S", "5", "T", "7", "L", "1")

func handle(m *nats.Msg) {
	if m.Reply == "" {
		log.Print("missing reply_to")
		return
	}
	if err := m.RespondMsg(reply(m.Data)); err != nil {
		log.Print(err)
	}
}

func reply(data []byte) *nats.Msg {
	if !utf8.Valid(data) {
		return &nats.Msg{Header: nats.Header{
			"Nats-Service-Error":      {"failed to decode body: not valid UTF-8"},
			"Nats-Service-Error-Code": {"400"},
		}}
	}
	return &nats.Msg{Data: []byte(leet.Replace(string(data)))}
}

func main() {
	closed := make(chan struct{})
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name("task-leet"), nats.MaxReconnects(-1),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := nc.QueueSubscribe("tasks.>", "task-leet", handle); err != nil {
		log.Fatal(err)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	<-end
	nc.Drain()
	<-closed
}
