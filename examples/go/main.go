// A worker that reverses texts: tasks.reverse-go.
package main

import (
	"errors"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const name = "reverse-go"

// rejected says that the message is at fault: the requester gets the text, in printable ASCII.
type rejected string

func (r rejected) Error() string { return string(r) }

func reverse(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, rejected("there is nothing to reverse")
	}
	if !utf8.Valid(data) {
		return nil, rejected("the text is not UTF-8")
	}
	time.Sleep(200 * time.Millisecond) // stands for the work
	text := []rune(string(data))
	slices.Reverse(text)
	return []byte(string(text)), nil
}

func errorReply(code, text string) *nats.Msg {
	return &nats.Msg{Header: nats.Header{micro.ErrorCodeHeader: {code}, micro.ErrorHeader: {text}}}
}

func answer(data []byte) (reply *nats.Msg) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Print("handler failed: ", cause)
			reply = errorReply("500", "handler failed")
		}
	}()
	result, err := reverse(data)
	var fault rejected
	if errors.As(err, &fault) {
		return errorReply("400", fault.Error())
	}
	if err != nil {
		panic(err)
	}
	return &nats.Msg{Data: result}
}

func main() {
	maxInFlight, err := strconv.Atoi(os.Getenv("MAX_IN_FLIGHT"))
	if err != nil {
		maxInFlight = 256
	}
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name(name),
		nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.IgnoreAuthErrorAbort()) // tries for ever
	if err != nil {
		log.Fatal(err)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)

	slots := make(chan struct{}, maxInFlight)
	var running sync.WaitGroup
	// Called for one message after the other: it starts the work or refuses it, so that nothing waits
	handle := func(request micro.Request) {
		select {
		case slots <- struct{}{}:
		default:
			request.Error("503", "the worker is full", nil, micro.WithHeaders(micro.Headers{"Not-Processed": {"true"}}))
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			reply := answer(request.Data())
			reply.Subject = request.Reply()
			if err := nc.PublishMsg(reply); err != nil {
				log.Print("no reply sent: ", err)
			}
		})
	}
	service, err := micro.AddService(nc, micro.Config{
		Name:       name,
		Version:    "1.0.0",
		QueueGroup: name,
		Endpoint:   &micro.EndpointConfig{Subject: "tasks." + name, Handler: micro.HandlerFunc(handle)},
	})
	if err != nil {
		log.Fatal(err)
	}

	<-end
	time.AfterFunc(25*time.Second, func() { log.Fatal("not everything was finished in time") })
	service.Stop()
	for nc.NumSubscriptions() > 0 { // those that drain count
		time.Sleep(10 * time.Millisecond)
	}
	running.Wait()
	nc.Flush()
	nc.Close()
}
