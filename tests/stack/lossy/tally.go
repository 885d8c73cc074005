package main

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"sync"
	"time"
)

var entryID = regexp.MustCompile(`/[0-9a-fA-F]{64,80}$`)

// route is a request's method and path with the entry's id taken out.
func route(r *http.Request) string {
	return r.Method + " " + entryID.ReplaceAllString(r.URL.Path, "/{id}")
}

// line is what /requests says of a request: when it began and ended, in
// milliseconds since the shim's start, what it was, and how it ended.
func (s *shim) line(r *http.Request, began time.Time, end string) string {
	since := func(t time.Time) int64 { return t.Sub(s.started).Milliseconds() }
	return fmt.Sprintf("%7d..%-7d %s %s -> %s  [%s]", since(began), since(time.Now()), r.Method, r.URL.RequestURI(), end, r.UserAgent())
}

// tally counts what has been seen.
type tally struct {
	mu       sync.Mutex
	requests int
	open     map[string]int // requests under way, by route
	lost     int
	held     int
	answers  map[string]int
	lines    []string
}

func newTally() *tally { return &tally{answers: map[string]int{}, open: map[string]int{}} }

func (t *tally) begin(route string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	t.open[route]++
}

func (t *tally) hold(by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held += by
}

func (t *tally) end(line, route, how string, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[route]--; t.open[route] == 0 {
		delete(t.open, route)
	}
	if lost {
		t.lost++
	}
	t.answers[route+" "+how]++
	t.lines = append(t.lines, line)
}

func (t *tally) counts(armed int) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]any{
		"requests": t.requests, "open": maps.Clone(t.open), "lost": t.lost,
		"held": t.held, "armed": armed, "answers": maps.Clone(t.answers),
	}
}

func (t *tally) transcript() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}

// reset keeps what is under way: those requests have yet to end.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests, t.lost = 0, 0
	t.answers, t.lines = map[string]int{}, nil
}

// watcher notes the status that goes to the client.
type watcher struct {
	http.ResponseWriter
	status int
}

func (w *watcher) WriteHeader(status int) {
	// 1xx are not the answer yet.
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watcher) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets ReverseProxy flush and take over the connection.
func (w *watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
