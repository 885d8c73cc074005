package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	probeInterval = 100 * time.Millisecond
	probeTimeout  = 500 * time.Millisecond
)

// loss is an order: how the next n answers of a route are lost.
type loss struct {
	n            int
	method, path string
	how          string
	until        string
	forward      bool
}

type shim struct {
	upstream *url.URL
	proxy    *httputil.ReverseProxy
	started  time.Time
	tally    *tally

	mu       sync.Mutex
	armed    loss
	released chan struct{}
}

// take says whether this request loses its answer, and uses up one loss.
func (s *shim) take(r *http.Request) (loss, <-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed.n == 0 || r.Method != s.armed.method || r.URL.Path != s.armed.path {
		return loss{}, nil, false
	}
	s.armed.n--
	return s.armed, s.released, true
}

func (s *shim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.tally.begin(route(r))
	order, released, lose := s.take(r)
	if lose {
		s.lose(w, r, order, released)
		s.tally.end(s.line(r, began, "lost("+order.how+")"), route(r), "lost", true)
		return
	}
	seen := &watcher{ResponseWriter: w}
	defer func() {
		// ReverseProxy panics with ErrAbortHandler when a copy breaks off.
		caught := recover()
		status := strconv.Itoa(seen.status)
		if caught != nil || seen.status == 0 {
			status = "broken"
		}
		s.tally.end(s.line(r, began, status), route(r), status, false)
		if caught != nil {
			panic(caught)
		}
	}()
	s.proxy.ServeHTTP(seen, r)
}

// lose lets the request reach the service, waits as ordered, and then fails.
func (s *shim) lose(w http.ResponseWriter, r *http.Request, order loss, released <-chan struct{}) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		log.Printf("reading the body of a request to lose: %v", err)
		return
	}
	s.tally.hold(+1)
	answered := make(chan struct{})
	if order.forward {
		go func() {
			// Not the client's context: the service must not see it leave.
			s.send(context.Background(), r, body)
			close(answered)
		}()
	}
	s.waitUntil(order, r, body, answered, released)
	s.tally.hold(-1)
	fail(w, r, order.how, released)
}

func (s *shim) waitUntil(order loss, r *http.Request, body []byte, answered, released <-chan struct{}) {
	switch order.until {
	case "queued":
		s.waitQueued(r, body, answered)
	case "answered":
		<-answered
	case "release":
		<-released
	default:
		wait, err := time.ParseDuration(order.until)
		if err != nil {
			log.Printf("until=%q slipped through the check: %v", order.until, err)
			return
		}
		select {
		case <-time.After(wait):
		case <-released:
		}
	}
}

// waitQueued: the log has the leaf as soon as the same POST is a conflict. The
// probe may itself be the one that queues it, and then hangs: hence its limit.
func (s *shim) waitQueued(r *http.Request, body []byte, answered <-chan struct{}) {
	for {
		select {
		case <-answered:
			return
		case <-time.After(probeInterval):
		}
		ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
		status := s.send(ctx, r, body)
		cancel()
		if status == http.StatusConflict {
			return
		}
	}
}

// send repeats the request to the service and forgets the answer but its status.
func (s *shim) send(ctx context.Context, r *http.Request, body []byte) int {
	target := *s.upstream
	target.Path, target.RawQuery = r.URL.Path, r.URL.RawQuery
	out, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		log.Printf("repeating %s %s: %v", r.Method, r.URL.Path, err)
		return 0
	}
	out.Header = r.Header.Clone()
	answer, err := s.proxy.Transport.RoundTrip(out)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// fail is the fault that the client gets to see.
func fail(w http.ResponseWriter, r *http.Request, how string, released <-chan struct{}) {
	switch how {
	case "reset":
		hangUp(w, true)
	case "close":
		hangUp(w, false)
	case "hang":
		select {
		case <-r.Context().Done():
		case <-released:
		}
		hangUp(w, false)
	default:
		status, err := strconv.Atoi(how)
		if err != nil {
			status = http.StatusBadGateway
		}
		// What a load balancer in front of the log says.
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body><h1>"+strconv.Itoa(status)+" "+http.StatusText(status)+"</h1></body></html>\n")
	}
}

// hangUp closes the client's connection without a byte.
func hangUp(w http.ResponseWriter, reset bool) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		log.Printf("taking the client's connection: %v", err)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// closeAsTheServiceDid: the service broke off, so the client sees it break off.
// A 502 of our own would be a fault that the service never made.
func closeAsTheServiceDid(w http.ResponseWriter, r *http.Request, err error) {
	log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
	if seen, ok := w.(*watcher); ok {
		w = seen.ResponseWriter
	}
	hangUp(w, false)
}
