// HTTP API: POST /task -> NATS request-reply -> HTTP answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"mime"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

const (
	maxBody = 8 << 20
	timeout = 5 * time.Second
)

var workerName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

type api struct{ nc *nats.Conn }

type task struct {
	Worker  *string `json:"worker"`
	Payload *string `json:"payload"`
}

func (a *api) createTask(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			fail(w, http.StatusRequestEntityTooLarge, "the body is too large")
			return
		}
		fail(w, http.StatusBadRequest, "the body is cut off")
		return
	}
	var t task
	if !utf8.Valid(body) {
		fail(w, http.StatusBadRequest, "the body is not valid UTF-8")
		return
	}
	if err := json.Unmarshal(body, &t); err != nil {
		fail(w, http.StatusBadRequest, "the body is not a valid task: "+err.Error())
		return
	}
	if t.Payload == nil {
		fail(w, http.StatusBadRequest, "payload is missing: it must be a string")
		return
	}
	worker := "default"
	if t.Worker != nil {
		worker = *t.Worker
	}
	if len(worker) > 128 || !workerName.MatchString(worker) {
		fail(w, http.StatusBadRequest, "worker must be 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between")
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		a.stream(w, r, "tasks."+worker, []byte(*t.Payload))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	reply, err := a.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "tasks." + worker, Data: []byte(*t.Payload)})
	if err != nil {
		failRequest(w, err)
		return
	}
	answer(w, reply)
}

func failRequest(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		fail(w, http.StatusRequestEntityTooLarge, "the payload is too large")
	case errors.Is(err, nats.ErrNoResponders):
		fail(w, http.StatusBadGateway, "nobody is subscribed")
	case errors.Is(err, context.DeadlineExceeded):
		fail(w, http.StatusBadGateway, "no reply in time")
	default:
		fail(w, http.StatusBadGateway, "the message broker is unavailable")
	}
}

func answer(w http.ResponseWriter, reply *nats.Msg) {
	if reply.Header.Get("Nats-Service-Error-Code") == "503" {
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, reply.Header.Get("Nats-Service-Error"))
		return
	}
	if text := reply.Header.Get("Nats-Service-Error"); text != "" {
		fail(w, http.StatusBadGateway, text)
		return
	}
	contentType := "text/plain;charset=UTF-8"
	if given := reply.Header.Get("Content-Type"); given != "" {
		if _, _, err := mime.ParseMediaType(given); err == nil {
			contentType = given
		}
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(reply.Data)
}

func fail(w http.ResponseWriter, status int, text string) {
	http.Error(w, text, status)
}

func main() {
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name("http-api"), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /task", (&api{nc}).createTask)
	server := &http.Server{
		Addr:              ":" + os.Getenv("PORT"),
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       20 * time.Second,
		IdleTimeout:       60 * time.Second,
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	server.Shutdown(drain)
	nc.Close()
}
