package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

func (s *shim) orders() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/lose", onlyPost(s.orderLose))
	mux.HandleFunc("/release", onlyPost(s.orderRelease))
	mux.HandleFunc("/reset", onlyPost(s.orderReset))
	mux.HandleFunc("/counts", s.tellCounts)
	mux.HandleFunc("/requests", s.tellRequests)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

func onlyPost(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, r.URL.Path+" is an order: want POST, got "+r.Method, http.StatusMethodNotAllowed)
			return
		}
		handle(w, r)
	}
}

func value(r *http.Request, name, otherwise string) string {
	if v := r.URL.Query().Get(name); v != "" {
		return v
	}
	return otherwise
}

// parseLoss reads an order, or says which word of it is not understood.
func parseLoss(r *http.Request) (loss, error) {
	order := loss{
		method:  value(r, "method", http.MethodPost),
		path:    value(r, "path", "/api/v1/log/entries"),
		how:     value(r, "how", "502"),
		forward: value(r, "forward", "yes") == "yes",
	}
	otherwise := "queued"
	if !order.forward {
		otherwise = "0s"
	}
	order.until = value(r, "until", otherwise)
	var err error
	if order.n, err = strconv.Atoi(value(r, "n", "1")); err != nil || order.n < 0 {
		return loss{}, fmt.Errorf("n=%q: want a count", value(r, "n", ""))
	}
	switch order.how {
	case "reset", "close", "hang":
	default:
		if status, err := strconv.Atoi(order.how); err != nil || status < 200 || status > 599 {
			return loss{}, fmt.Errorf("how=%q: want reset, close, hang or a status 200..599", order.how)
		}
	}
	switch order.until {
	case "release":
	case "queued", "answered":
		if !order.forward {
			return loss{}, fmt.Errorf("until=%s waits for what forward=no never brings: want release or a duration", order.until)
		}
	default:
		if _, err := time.ParseDuration(order.until); err != nil {
			return loss{}, fmt.Errorf("until=%q: want queued, answered, release or a duration", order.until)
		}
	}
	return order, nil
}

func (s *shim) orderLose(w http.ResponseWriter, r *http.Request) {
	order, err := parseLoss(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.armed = order
	s.mu.Unlock()
	s.tellCounts(w, r)
}

func (s *shim) orderRelease(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	close(s.released)
	s.released = make(chan struct{})
	s.mu.Unlock()
	s.tellCounts(w, r)
}

func (s *shim) orderReset(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.armed = loss{}
	s.mu.Unlock()
	s.tally.reset()
	s.tellCounts(w, r)
}

func (s *shim) tellCounts(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	armed := s.armed.n
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.tally.counts(armed))
}

func (s *shim) tellRequests(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	for _, line := range s.tally.transcript() {
		fmt.Fprintln(w, line)
	}
}
