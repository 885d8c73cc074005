// Command referrers is go-containerregistry's registry with its API for referrers
// switched on, which `crane registry serve` leaves off. Everything is in memory.
//
//	referrers --listen HOST:PORT
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listen := flag.String("listen", "", "address: HOST:PORT")
	flag.Parse()
	if *listen == "" {
		log.Fatal("expected --listen HOST:PORT")
	}
	log.Fatal(http.ListenAndServe(*listen, registry.New(registry.WithReferrersSupport(true))))
}
