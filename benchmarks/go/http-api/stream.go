package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	windowParts = 64
	windowBytes = 256 << 10
	stall       = 30 * time.Second
	comment     = 15 * time.Second
)

// Asks for a stream, and writes its parts as server-sent events
func (a *api) stream(w http.ResponseWriter, r *http.Request, subject string, payload []byte) {
	inbox := "stream-replies." + nats.NewInbox()[len(nats.InboxPrefix):]
	messages := make(chan *nats.Msg, windowParts+2)
	subscription, err := a.nc.ChanSubscribe(inbox, messages)
	if err != nil {
		failRequest(w, err)
		return
	}
	defer subscription.Unsubscribe()
	request := &nats.Msg{Subject: subject, Reply: inbox, Data: payload, Header: nats.Header{
		"Reply-Stream": {strconv.Itoa(windowParts) + "," + strconv.Itoa(windowBytes)}}}
	if err := a.nc.PublishMsg(request); err != nil {
		failRequest(w, err)
		return
	}
	flusher := w.(http.Flusher)
	control, received, parts, bytes := "", 0, 0, 0
	defer func() {
		if control != "" {
			a.say(control, "cancel")
		}
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	quiet := time.NewTicker(comment)
	defer quiet.Stop()
	heard := time.Now()
	for {
		var m *nats.Msg
		select {
		case m = <-messages:
		case <-r.Context().Done():
			return
		case <-quiet.C:
			if received > 0 {
				w.Write([]byte(":\n\n"))
				flusher.Flush()
			}
			continue
		case <-timer.C:
			if received == 0 && control == "" {
				failRequest(w, context.DeadlineExceeded)
				return
			}
			if time.Since(heard) >= stall {
				w.Write([]byte("event: error\ndata: {\"reason\":\"timeout\"}\n\n"))
				return
			}
			timer.Reset(stall)
			continue
		}
		heard = time.Now()
		if m.Header.Get("Status") == "503" {
			failRequest(w, nats.ErrNoResponders)
			return
		}
		if text := m.Header.Get("Nats-Service-Error"); text != "" {
			if received == 0 {
				fail(w, http.StatusBadGateway, text)
			} else {
				w.Write([]byte("event: error\ndata: {\"reason\":\"handler-failed\"}\n\n"))
			}
			return
		}
		if control == "" {
			control = m.Reply
			timer.Reset(stall)
		}
		if m.Header.Get("Part-End") != "" {
			if m.Header.Get("Part-End") == strconv.Itoa(received) {
				w.Write([]byte("event: end\ndata: {\"parts\":" + strconv.Itoa(received) + "}\n\n"))
			} else {
				w.Write([]byte("event: error\ndata: {\"reason\":\"stream-broken\"}\n\n"))
			}
			control = ""
			return
		}
		part := m.Header.Get("Part")
		if part == "0" {
			continue
		}
		if part != strconv.Itoa(received+1) {
			w.Write([]byte("event: error\ndata: {\"reason\":\"stream-broken\"}\n\n"))
			return
		}
		if received == 0 {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Accel-Buffering", "no")
		}
		received++
		for _, line := range strings.Split(string(m.Data), "\n") {
			w.Write([]byte("data: " + line + "\n"))
		}
		w.Write([]byte("\n"))
		if len(messages) == 0 {
			flusher.Flush()
		}
		parts, bytes = parts+1, bytes+len(m.Data)
		if parts*2 >= windowParts || bytes*2 >= windowBytes {
			a.say(control, strconv.Itoa(parts)+","+strconv.Itoa(bytes))
			parts, bytes = 0, 0
		}
	}
}

func (a *api) say(control, what string) {
	a.nc.PublishMsg(&nats.Msg{Subject: control, Header: nats.Header{"Reply-Stream": {what}}})
}
