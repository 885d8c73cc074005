// Command lossy stands between a client and a service and loses answers on
// demand. A request whose answer is to be lost does reach the service: what the
// client cannot see has happened all the same. Everything else passes through.
//
// Its control listener:
//
//	POST /lose?n=1&how=502&until=queued&forward=yes&method=POST&path=/api/v1/log/entries
//	     the next n requests of that method and path lose their answer
//	     how      a status (502, 503, 429 …), reset (RST), close (FIN, no byte),
//	              or hang (no byte until the client leaves or /release)
//	     until    queued   the log has the leaf: the same POST is answered 409
//	              answered the service has answered
//	              release  someone has said POST /release
//	              DURATION such as 500ms
//	     forward  no: the service never sees the request (until is then a
//	              duration or release, and at once if not given)
//	POST /release   let go of every held request
//	GET  /counts    {"requests","lost","held","armed",
//	     "open":{"POST /api/v1/log/entries":1,…},"answers":{"POST /api/v1/log/entries 409":1,…}}
//	GET  /requests  one line a request, in the order of their ends
//	POST /reset     counts to zero, nothing armed
//	GET  /healthz
//
// Addresses are HOST:PORT or unix:PATH; without a control address nothing can
// be ordered, and lossy is a plain bridge.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address for clients")
	control := flag.String("control", "", "address for orders")
	to := flag.String("to", "", "the service: http://HOST:PORT or unix:PATH")
	flag.Parse()

	s, err := newShim(*to)
	if err != nil {
		log.Fatal(err)
	}
	if *control != "" {
		go func() { log.Fatal(http.Serve(listenAt(*control), s.orders())) }()
	}
	log.Fatal(http.Serve(listenAt(*listen), s))
}

func listenAt(address string) net.Listener {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	return listener
}

// newShim: connections to the service are not reused, so that a request never
// dies of a connection that the service has just closed: faults are ours alone.
func newShim(to string) (*shim, error) {
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	upstream, err := url.Parse(to)
	if path, ok := strings.CutPrefix(to, "unix:"); ok {
		upstream, err = &url.URL{Scheme: "http", Host: "unix"}, nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	}
	if err != nil || upstream.Scheme != "http" || upstream.Host == "" {
		return nil, fmt.Errorf("--to %q: want http://HOST:PORT or unix:PATH", to)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  closeAsTheServiceDid,
	}
	return &shim{upstream: upstream, proxy: proxy, started: time.Now(), tally: newTally(), released: make(chan struct{})}, nil
}
