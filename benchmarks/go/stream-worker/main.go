// A worker with several replies: tasks.stream sends the time again and again.
package main

import (
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	keepAlive = 10 * time.Second
	stall     = 30 * time.Second
)

// The streams that are open, by the subject on which their requesters are heard
type streams struct {
	nc      *nats.Conn
	control string
	lock    sync.Mutex
	open    map[string]*stream
}

type stream struct {
	lock         sync.Mutex
	changed      *sync.Cond
	parts, bytes int64
	gone         bool
	end          chan struct{}
}

func main() {
	nc, err := nats.Connect(os.Getenv("NATS_URL"), nats.Name("stream-worker"), nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	s := &streams{nc: nc, control: "stream-control.streams." + nuid.Next() + ".", open: map[string]*stream{}}
	if _, err := nc.Subscribe(s.control+"*", s.hear); err != nil {
		log.Fatal(err)
	}
	if _, err := nc.QueueSubscribe("tasks.stream", "streams", func(m *nats.Msg) { go s.serve(m) }); err != nil {
		log.Fatal(err)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	<-end
	nc.Close()
}

func credit(header string) (int64, int64, bool) {
	parts, bytes, found := strings.Cut(header, ",")
	p, err := strconv.ParseInt(parts, 10, 64)
	b, err2 := strconv.ParseInt(bytes, 10, 64)
	return p, b, found && err == nil && err2 == nil
}

func (s *streams) hear(m *nats.Msg) {
	s.lock.Lock()
	found := s.open[m.Subject]
	s.lock.Unlock()
	if found == nil {
		return
	}
	found.lock.Lock()
	defer found.lock.Unlock()
	said := m.Header.Get("Reply-Stream")
	if said == "cancel" || m.Header.Get("Status") == "503" {
		if !found.gone {
			found.gone = true
			close(found.end)
		}
	} else if parts, bytes, ok := credit(said); ok {
		found.parts, found.bytes = found.parts+parts, found.bytes+bytes
	}
	found.changed.Broadcast()
}

// Waits until a part may be sent; false once nobody wants one any more
func (st *stream) take(size int) bool {
	st.lock.Lock()
	defer st.lock.Unlock()
	timeout := time.AfterFunc(stall, func() {
		st.lock.Lock()
		st.gone = true
		st.lock.Unlock()
		st.changed.Broadcast()
	})
	defer timeout.Stop()
	for !st.gone && (st.parts <= 0 || st.bytes <= 0) {
		st.changed.Wait()
	}
	st.parts, st.bytes = st.parts-1, st.bytes-int64(size)
	return !st.gone
}

// Sends the time in microseconds again and again: so many a second, or as quickly as it can
func (s *streams) serve(m *nats.Msg) {
	parts, bytes, ok := credit(m.Header.Get("Reply-Stream"))
	rate, err := strconv.Atoi(string(m.Data))
	if !ok || err != nil {
		m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Service-Error": {"no stream"}, "Nats-Service-Error-Code": {"400"}}})
		return
	}
	control := s.control + nuid.Next()
	st := &stream{parts: parts, bytes: bytes, end: make(chan struct{})}
	st.changed = sync.NewCond(&st.lock)
	s.lock.Lock()
	s.open[control] = st
	s.lock.Unlock()
	defer func() {
		s.lock.Lock()
		delete(s.open, control)
		s.lock.Unlock()
	}()
	send := func(header, value string, data []byte) {
		if err := s.nc.PublishMsg(&nats.Msg{Subject: m.Reply, Reply: control, Data: data, Header: nats.Header{header: {value}}}); err != nil {
			log.Print(err)
		}
	}
	send("Part", "0", nil)
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	var pace <-chan time.Time
	if rate > 0 {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		pace = ticker.C
	}
	for n := 1; ; n++ {
		part := []byte(strconv.FormatInt(time.Now().UnixMicro(), 10))
		if !st.take(len(part)) {
			return
		}
		send("Part", strconv.Itoa(n), part)
		for paced := pace == nil; !paced; {
			select {
			case <-pace:
				paced = true
			case <-alive.C:
				send("Part", "0", nil)
			case <-st.end:
				return
			}
		}
	}
}
